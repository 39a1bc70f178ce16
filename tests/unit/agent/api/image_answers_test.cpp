#include "agent/api/image_answers.h"

#include <gtest/gtest.h>

namespace skerry::agent {
namespace {

ImageView image(char digit, std::int64_t second) {
  ImageView view;
  view.image.content_id = *images::ContentId::parse(std::string(64, digit));
  view.image.created = WallTime(std::chrono::seconds(second));
  return view;
}

TEST(ImageAnswers, NamesAreNeverContentIds) {
  v1::ImageRef ref;
  ref.set_name("cafe");
  EXPECT_EQ(*to_reference(ref), "cafe:latest");
  ref.set_name("sha256:cafe");
  EXPECT_EQ(to_reference(ref).error().reason(), "IMAGE_NOT_FOUND");
  ref.set_name(std::string(64, 'a'));
  EXPECT_EQ(to_reference(ref).error().reason(), "IMAGE_NOT_FOUND");
}

TEST(ImageAnswers, ContentIdsNeedFourDigits) {
  v1::ImageRef ref;
  ref.set_content_id("sha256:cafe");
  EXPECT_EQ(*to_reference(ref), "sha256:cafe");
  ref.set_content_id("cafe");
  EXPECT_EQ(*to_reference(ref), "sha256:cafe");
  for (const char* bad : {"", "sha256:", "sha256:caf", "sha256:CAFE", "busybox"}) {
    ref.set_content_id(bad);
    EXPECT_EQ(to_reference(ref).error().code(), Code::kNotFound) << bad;
  }
}

TEST(ImageAnswers, OnlyTheArchivesFaultsAreInvalidArchives) {
  const auto reason = [](Code code, const char* from) {
    return to_import_error(Error(code, "x").with_reason(from)).reason();
  };
  EXPECT_EQ(reason(Code::kInvalidArgument, "ENTRY_PATH"), "ARCHIVE_INVALID");
  EXPECT_EQ(reason(Code::kInvalidArgument, "ARCHIVE_CORRUPT"), "ARCHIVE_INVALID");
  EXPECT_EQ(reason(Code::kInvalidArgument, "FIELD_INVALID"), "FIELD_INVALID");
  EXPECT_EQ(reason(Code::kResourceExhausted, "ARCHIVE_TOO_LARGE"), "ARCHIVE_TOO_LARGE");
}

TEST(ImageAnswers, PagesGoOnBehindWhatWasRemoved) {
  v1::ListImagesRequest request;
  request.set_page_size(2);
  const auto first = page_of({image('b', 1), image('a', 2), image('c', 2)}, request);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->images_size(), 2);
  request.set_page_token(first->next_page_token());
  const auto second = page_of({image('b', 1), image('c', 2)}, request);
  ASSERT_EQ(second->images_size(), 1);
  EXPECT_EQ(second->images(0).content_id(), "sha256:" + std::string(64, 'c'));
  EXPECT_EQ(second->next_page_token(), "");
}

TEST(ImageAnswers, RefusesForeignTokensAndGreatPages) {
  v1::ListImagesRequest request;
  for (const char* token : {"1", "1.", "x.aa", "1.aaaa"}) {
    request.set_page_token(token);
    EXPECT_EQ(page_of({}, request).error().reason(), "PAGE_TOKEN") << token;
  }
  request.clear_page_token();
  request.set_page_size(10'001);
  EXPECT_EQ(page_of({}, request).error().reason(), "FIELD_INVALID");
}

}  // namespace
}  // namespace skerry::agent
