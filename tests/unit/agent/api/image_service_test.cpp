#include "agent/api/image_service.h"

#include <sys/stat.h>

#include <fstream>

#include "agent/api/image_answers.h"
#include "api_fixture.h"

namespace skerry::agent {
namespace {

using tests::ApiFixture;
using tests::images_of;
using tests::import;
using tests::ImportCall;
using tests::reason_of;

const std::string kA = "sha256:" + std::string(64, 'a');

grpc::Status remove(ApiFixture& f, const v1::ImageRef& ref, v1::RemoveImageResponse& response) {
  const auto stub = v1::ImageService::NewStub(f.channel);
  grpc::ClientContext call;
  v1::RemoveImageRequest request;
  *request.mutable_image() = ref;
  return stub->Remove(&call, request, &response);
}

v1::ImageRef named(const std::string& name) {
  v1::ImageRef ref;
  ref.set_name(name);
  return ref;
}

v1::ImageRef identified(const std::string& id) {
  v1::ImageRef ref;
  ref.set_content_id(id);
  return ref;
}

TEST(ImageService, ImportsAStreamUnderItsNames) {
  ApiFixture f;
  ImportCall call(f);
  call.header({"busybox", "team/box:1"}).chunk("a").chunk(std::string(1U << 15U, 'x'));
  ASSERT_TRUE(call.end().ok());
  EXPECT_EQ(call.response.image().content_id(), kA);
  const auto images = images_of(f);
  ASSERT_EQ(images.size(), 1U);
  EXPECT_EQ(images[0].names(0), "busybox:latest");
  EXPECT_EQ(images[0].names(1), "team/box:1");
  EXPECT_EQ(f.table.snapshot().size(), 0U);
}

TEST(ImageService, SameContentTwiceIsOneImageAndNamesMove) {
  ApiFixture f;
  ASSERT_TRUE(import(f, {"one", "two"}, "a").ok());
  ASSERT_TRUE(import(f, {"three"}, "a").ok());
  ASSERT_TRUE(import(f, {"one", "two"}, "b").ok());
  const auto images = images_of(f);
  ASSERT_EQ(images.size(), 2U);
  ASSERT_EQ(images[0].names_size(), 1);
  EXPECT_EQ(images[0].names(0), "three:latest");
  EXPECT_EQ(images[1].names_size(), 2);
}

TEST(ImageService, KeepsNothingOfWhatIsNoArchive) {
  ApiFixture f;
  const grpc::Status status = import(f, {"bad"}, "!");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(reason_of(status), "ARCHIVE_INVALID");
  EXPECT_EQ(f.count_layers(), 0U);
}

TEST(ImageService, FailpointsLeaveNothing) {
  for (const char* point : {"import.stage", "import.commit", "import.settle"}) {
    ApiFixture f({std::string(point) + "=error:EIO"});
    const grpc::Status status = import(f, {"box"}, "a");
    EXPECT_EQ(reason_of(status), "FAILPOINT") << point << status.error_message();
    EXPECT_TRUE(images_of(f).empty()) << point;
    EXPECT_EQ(f.count_layers(), 0U) << point;
    EXPECT_EQ(f.table.snapshot().size(), 0U) << point;
  }
}

TEST(ImageService, ImportsFilesAndDirectoriesByPath) {
  ApiFixture f;
  const std::string file = f.dir.path() / "archive";
  std::ofstream(file) << "b";
  EXPECT_TRUE(ImportCall(f).header({"file"}, file).end().ok());
  EXPECT_TRUE(ImportCall(f).header({"dir"}, f.dir.path()).end().ok());
  EXPECT_EQ(images_of(f).size(), 2U);
}

TEST(ImageService, RefusesPathsThatAreNoSource) {
  ApiFixture f;
  const std::string fifo = f.dir.path() / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_EQ(reason_of(ImportCall(f).header({}, fifo).end()), "SOURCE_INVALID");
  EXPECT_EQ(reason_of(ImportCall(f).header({}, "relative").end()), "FIELD_INVALID");
  const grpc::Status missing = ImportCall(f).header({}, f.dir.path() / "nothing").end();
  EXPECT_EQ(missing.error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST(ImageService, RefusesMessagesOutOfOrder) {
  ApiFixture f;
  EXPECT_EQ(reason_of(ImportCall(f).chunk("a").end()), "FIELD_INVALID");
  EXPECT_EQ(reason_of(ImportCall(f).end()), "FIELD_INVALID");
  EXPECT_EQ(reason_of(ImportCall(f).header({}).header({}).end()), "FIELD_INVALID");
  EXPECT_EQ(reason_of(ImportCall(f).header({"../x"}).end()), "NAME_INVALID");
  const std::vector<std::string> too_many(kMaxImageNames + 1, "box");
  EXPECT_EQ(reason_of(ImportCall(f).header(too_many).end()), "NAME_INVALID");
  const std::string too_big((1U << 20U) + 1, 'a');
  EXPECT_EQ(reason_of(ImportCall(f).header({}).chunk(too_big).end()), "FIELD_INVALID");
  EXPECT_TRUE(images_of(f).empty());
}

TEST(ImageService, ACallerThatHangsUpGetsNothing) {
  ApiFixture f;
  {
    ImportCall sending(f);
    sending.header({"half"}).chunk("a");
    sending.call.TryCancel();
    EXPECT_EQ(sending.writer->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  ImportCall unpacking(f);
  unpacking.header({"waits"}).chunk("?");
  unpacking.writer->WritesDone();
  f.unpacker->waiting.acquire();
  // The first one may have looked complete for a moment.
  EXPECT_TRUE(ApiFixture::eventually([&] { return f.table.snapshot().size() == 1; }));
  unpacking.call.TryCancel();
  EXPECT_EQ(unpacking.writer->Finish().error_code(), grpc::StatusCode::CANCELLED);
  // The server hears of it shortly after the client does; a call of its own comes no earlier.
  EXPECT_TRUE(images_of(f).empty());
  f.unpacker->go.release();
  EXPECT_TRUE(ApiFixture::eventually([&] { return f.table.snapshot().empty(); }));
  EXPECT_TRUE(images_of(f).empty());
  EXPECT_EQ(f.count_layers(), 0U);
}

TEST(ImageService, EndsWhileAnImportIsUnderWay) {
  ApiFixture f;
  ImportCall call(f);
  call.header({"waits"}).chunk("?");
  call.writer->WritesDone();
  f.unpacker->waiting.acquire();
  f.server->shut_down(std::chrono::milliseconds(10));
  EXPECT_FALSE(call.writer->Finish().ok());
  f.server.reset();
}

TEST(ImageService, FindsByNameAndByDigits) {
  ApiFixture f;
  ASSERT_TRUE(import(f, {"cafe"}, "a").ok());
  const auto stub = v1::ImageService::NewStub(f.channel);
  const auto get = [&](const v1::ImageRef& ref) {
    grpc::ClientContext call;
    v1::GetImageRequest request;
    *request.mutable_image() = ref;
    v1::GetImageResponse response;
    const grpc::Status status = stub->Get(&call, request, &response);
    return status.ok() ? response.image().content_id() : reason_of(status);
  };
  EXPECT_EQ(get(named("cafe")), kA);
  EXPECT_EQ(get(identified("sha256:aaaa")), kA);
  EXPECT_EQ(get(identified(kA)), kA);
  EXPECT_EQ(get(named("aaaa")), "IMAGE_NOT_FOUND");
  EXPECT_EQ(get(identified("sha256:bbbb")), "IMAGE_NOT_FOUND");
  EXPECT_EQ(get({}), "FIELD_INVALID");
}

TEST(ImageService, RemovesANameThenTheTree) {
  ApiFixture f;
  ASSERT_TRUE(import(f, {"one", "two"}, "a").ok());
  v1::RemoveImageResponse first;
  ASSERT_TRUE(remove(f, named("one"), first).ok());
  EXPECT_EQ(first.removed_content_id(), "");
  v1::RemoveImageResponse second;
  ASSERT_TRUE(remove(f, identified(kA), second).ok());
  EXPECT_EQ(second.removed_names(0), "two:latest");
  EXPECT_EQ(second.removed_content_id(), kA);
  EXPECT_EQ(f.count_layers(), 0U);
  v1::RemoveImageResponse third;
  EXPECT_EQ(reason_of(remove(f, named("two"), third)), "IMAGE_NOT_FOUND");
}

TEST(ImageService, GivesPages) {
  ApiFixture f;
  for (const char* letter : {"a", "b", "c"}) ASSERT_TRUE(import(f, {}, letter).ok());
  const auto stub = v1::ImageService::NewStub(f.channel);
  std::string seen;
  v1::ListImagesRequest request;
  request.set_page_size(2);
  for (int pages = 0; pages < 2; ++pages) {
    grpc::ClientContext call;
    v1::ListImagesResponse response;
    ASSERT_TRUE(stub->List(&call, request, &response).ok());
    for (const v1::Image& image : response.images()) seen += image.content_id()[7];
    request.set_page_token(response.next_page_token());
  }
  EXPECT_EQ(seen, "abc");
  EXPECT_EQ(request.page_token(), "");
}

TEST(ImageDesk, ResolvesToTheTreesDirectory) {
  ApiFixture f;
  ASSERT_TRUE(import(f, {"box"}, "a").ok());
  std::binary_semaphore done(0);
  f.reactor->post([&] {
    const auto resolved = f.desk->resolve("box");
    EXPECT_TRUE(resolved);
    if (resolved) {
      EXPECT_EQ(resolved->content_id, kA);
      EXPECT_EQ(resolved->layers.size(), 1U);
      EXPECT_TRUE(std::filesystem::exists(resolved->layers.at(0) + "/content"));
    }
    EXPECT_EQ(f.desk->resolve("other").error().reason(), "IMAGE_NOT_FOUND");
    done.release();
  });
  done.acquire();
}

}  // namespace
}  // namespace skerry::agent
