// Log entries as the bytes a container wrote.
#pragma once

#include <string>
#include <vector>

#include "skerry/v1/container_service.pb.h"

namespace skerry::cli {

/// Turns entries back into output. Thread: one.
class LogWriter final {
 public:
  enum class Times { kHide, kShow };
  explicit LogWriter(Times times) : times_(times) {}

  struct Chunk {
    v1::LogStream stream;
    std::string text;
  };
  /// The bytes in the order they were written, neighbours of one stream joined. A time stands at
  /// the beginning of each line, not of each part of one.
  std::vector<Chunk> render(const v1::ReadLogsResponse& response);

  /// Renders and writes: what the container wrote to its standard error goes to ours.
  void write(const v1::ReadLogsResponse& response);

 private:
  Times times_;
  bool inside_line_ = false;
  bool inside_error_line_ = false;
};

}  // namespace skerry::cli
