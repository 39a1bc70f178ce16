#include "agent/images/image_record.h"

#include <gtest/gtest.h>

namespace skerry::agent {
namespace {

images::Image example() {
  images::Image image;
  image.content_id = *images::ContentId::parse(std::string(64, 'a'));
  image.size = Bytes(1ULL << 40U);
  image.created = WallTime(std::chrono::nanoseconds(1'760'000'000'123'456'789));
  return image;
}

TEST(ImageRecord, ComesBackAsItWas) {
  images::Image image = example();
  EXPECT_EQ(*decode_image(image.content_id, encode_image(image)), image);
  image.config = {.entrypoint = {"/bin/sh", "-c"},
                  .command = {"echo"},
                  .environment = {"A=b"},
                  .working_directory = "/srv",
                  .user = "app:app"};
  EXPECT_EQ(*decode_image(image.content_id, encode_image(image)), image);
}

TEST(ImageRecord, TakesFieldsItDoesNotKnow) {
  const images::Image image = example();
  std::string record = encode_image(image);
  record.insert(1, R"("later":{"x":[1]},)");
  EXPECT_EQ(*decode_image(image.content_id, record), image);
}

TEST(ImageRecord, RefusesWhatIsDamaged) {
  const images::ContentId id = example().content_id;
  for (const char* record : {"",
                             "[]",
                             "{}",
                             "{\"bytes\":1",
                             R"({"bytes":-1,"created_ns":1})",
                             R"({"bytes":"1","created_ns":1})",
                             R"({"bytes":1})",
                             R"({"bytes":1,"created_ns":1,"config":[]})",
                             R"({"bytes":1,"created_ns":1,"config":{"command":[1]}})"}) {
    EXPECT_EQ(decode_image(id, record).error().reason(), "RECORD_DAMAGED") << record;
  }
}

}  // namespace
}  // namespace skerry::agent
