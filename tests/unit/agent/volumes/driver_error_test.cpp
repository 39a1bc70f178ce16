#include "agent/volumes/driver_error.h"

#include <gtest/gtest.h>

namespace skerry::agent {
namespace {

Error error(Code code, std::string_view reason) {
  return Error(code, "what it said").with_reason(reason);
}

TEST(DriverError, BecomesWhatTheApiDocuments) {
  struct Case {
    Code code;
    const char* reason;
    Code client_code;
    const char* client_reason;
  };
  for (const Case& each : {
           Case{Code::kNotFound, "VOLUME_DRIVER_NOT_FOUND", Code::kNotFound, "DRIVER_NOT_FOUND"},
           Case{Code::kInvalidArgument,
                "VOLUME_DRIVER_NAME_INVALID",
                Code::kInvalidArgument,
                "NAME_INVALID"},
           Case{Code::kUnknown, "PLUGIN_ERROR", Code::kUnavailable, "DRIVER_FAILED"},
           Case{Code::kInternal, "PLUGIN_REPLY_INVALID", Code::kUnavailable, "DRIVER_FAILED"},
           Case{Code::kInternal, "MOUNTPOINT_INVALID", Code::kUnavailable, "DRIVER_FAILED"},
           Case{Code::kNotFound, "VOLUME_NOT_FOUND", Code::kUnavailable, "DRIVER_FAILED"},
           Case{Code::kDeadlineExceeded,
                "PLUGIN_TIMEOUT",
                Code::kDeadlineExceeded,
                "DRIVER_TIMEOUT"},
           Case{Code::kInvalidArgument,
                "VOLUME_OPTION_UNKNOWN",
                Code::kInvalidArgument,
                "VOLUME_OPTION_UNKNOWN"},
           Case{Code::kPermissionDenied,
                "HOST_PATH_NOT_ALLOWED",
                Code::kPermissionDenied,
                "HOST_PATH_NOT_ALLOWED"},
           Case{Code::kCancelled, "CALL_CANCELLED", Code::kCancelled, "CALL_CANCELLED"},
           Case{Code::kResourceExhausted,
                "STATE_DISK_FULL",
                Code::kResourceExhausted,
                "STATE_DISK_FULL"},
       }) {
    const Error client = to_client_error(error(each.code, each.reason));
    EXPECT_EQ(client.code(), each.client_code) << each.reason;
    EXPECT_EQ(client.reason(), each.client_reason);
    EXPECT_EQ(client.message(), "what it said");
  }
}

TEST(DriverError, IsUncertainWhenTheCallMayHaveWorked) {
  for (const Code code : {Code::kDeadlineExceeded, Code::kUnavailable, Code::kCancelled}) {
    EXPECT_TRUE(is_uncertain(error(code, "")));
  }
  for (const Code code : {Code::kUnknown, Code::kInternal, Code::kNotFound}) {
    EXPECT_FALSE(is_uncertain(error(code, "")));
  }
}

}  // namespace
}  // namespace skerry::agent
