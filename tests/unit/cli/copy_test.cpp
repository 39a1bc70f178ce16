// cp against a daemon that answers from a script; the tar program is the host's.
#include "cli/copy.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "cli/tar_program.h"
#include "skerry/v1/container_service.grpc.pb.h"
#include "skerry/v1/error_detail.pb.h"
#include "skerry/v1/rpc_status.pb.h"

namespace skerry::cli {
namespace {

namespace fs = std::filesystem;

TEST(CopyPath, TellsContainersFromFiles) {
  EXPECT_EQ(parse_copy_path("web:/etc")->container, "web");
  EXPECT_EQ(parse_copy_path("web:/etc")->path, "/etc");
  EXPECT_EQ(parse_copy_path("web:etc")->path, "/etc");
  for (const char* local : {"/a:b", "./web:x", "a", "-", "dir/x:y", ":x"}) {
    EXPECT_EQ(parse_copy_path(local)->container, "") << local;
    EXPECT_EQ(parse_copy_path(local)->path, local);
  }
  EXPECT_TRUE(parse_copy_path("-")->is_stream());
  EXPECT_FALSE(parse_copy_path("web:"));
  EXPECT_FALSE(parse_copy_path(""));
}

TEST(SplitPath, KnowsDirectoriesAndContents) {
  const auto plain = split_path("/a/b");
  EXPECT_EQ(plain.directory, "/a");
  EXPECT_EQ(plain.name, "b");
  EXPECT_FALSE(plain.is_directory);
  EXPECT_TRUE(split_path("a/").is_directory);
  EXPECT_EQ(split_path("a//").name, "a");
  EXPECT_EQ(split_path("a/").directory, ".");
  EXPECT_TRUE(split_path("/a/b/.").contents);
  EXPECT_EQ(split_path("/a/b/.").name, "b");
  EXPECT_TRUE(split_path(".").contents);
  EXPECT_EQ(split_path("/").name, "/");
  EXPECT_EQ(split_path("/x").directory, "/");
}

struct LandingCase {
  const char* source;
  PathType source_type;
  const char* target;
  PathType target_type;
  /// "directory|name|contents", or "refused".
  const char* expected;
};

TEST(Landing, IsAsWithDocker) {
  constexpr auto kDir = PathType::kDirectory;
  constexpr auto kFile = PathType::kOther;
  constexpr auto kNone = PathType::kMissing;
  for (const LandingCase& c : {
           LandingCase{"f", kFile, "/d", kDir, "/d||0"},
           {"f", kFile, "/d/new", kNone, "/d|new|0"},
           {"f", kFile, "/d/old", kFile, "/d|old|0"},
           {"f", kFile, "/d/new/", kNone, "refused"},
           {"f/", kFile, "/d", kDir, "refused"},
           {"d", kDir, "/d", kDir, "/d||0"},
           {"d/.", kDir, "/d", kDir, "/d||1"},
           {"d", kDir, "/new", kNone, "/|new|0"},
           {"d/.", kDir, "/x/new/", kNone, "/x|new|0"},
           {"d", kDir, "/f", kFile, "refused"},
           {"/", kDir, "/d", kDir, "refused"},
       }) {
    const auto landing = plan_landing(split_path(c.source), c.source_type, c.target, c.target_type);
    const std::string got =
        landing ? landing->directory + "|" + landing->name + "|" + (landing->contents ? "1" : "0")
                : "refused";
    EXPECT_EQ(got, c.expected) << c.source << " to " << c.target;
  }
}

TEST(TarProgram, EscapesNames) {
  EXPECT_EQ(rename_first_component("a&b|c\\d"), "--transform=flags=rhS;s|^[^/]*|a\\&b\\|c\\\\d|");
}

TEST(TarProgram, SaysThatItFailed) {
  auto tar = TarProgram::start(TarProgram::Archive::kItWrites,
                               {"-C", "/nonexistent-directory", "-c", "-f", "-", "x"});
  ASSERT_TRUE(tar);
  EXPECT_FALSE(tar->wait());
}

/// A container whose root is a directory of ours.
class FakeContainer final : public v1::ContainerService::Service {
 public:
  std::string root;
  std::string owner;

  grpc::Status StatPath(grpc::ServerContext* /*context*/,
                        const v1::StatPathRequest* request,
                        v1::StatPathResponse* response) override {
    std::error_code failed;
    const auto status = request->path().ends_with('/')
                            ? fs::status(root + request->path(), failed)
                            : fs::symlink_status(root + request->path(), failed);
    if (!fs::exists(status)) {
      v1::ErrorDetail detail;
      detail.set_reason("PATH_NOT_FOUND");
      v1::RpcStatus rpc;
      rpc.add_details()->PackFrom(detail);
      return {grpc::NOT_FOUND, "not there", rpc.SerializeAsString()};
    }
    response->mutable_info()->set_kind(fs::is_directory(status) ? v1::PATH_KIND_DIRECTORY
                                       : fs::is_symlink(status) ? v1::PATH_KIND_LINK
                                                                : v1::PATH_KIND_FILE);
    return grpc::Status::OK;
  }
  grpc::Status CopyIn(grpc::ServerContext* /*context*/,
                      grpc::ServerReader<v1::CopyInRequest>* reader,
                      v1::CopyInResponse* /*response*/) override {
    v1::CopyInRequest request;
    reader->Read(&request);
    owner = request.header().owner();
    auto tar = TarProgram::start(TarProgram::Archive::kItReads,
                                 {"-C", root + request.header().path(), "-x", "-f", "-"});
    while (reader->Read(&request)) {
      const std::string& chunk = request.chunk();
      if (::write(tar->archive(), chunk.data(), chunk.size()) < 0) break;
    }
    return tar->wait() ? grpc::Status::OK : grpc::Status(grpc::INTERNAL, "tar");
  }
  grpc::Status CopyOut(grpc::ServerContext* /*context*/,
                       const v1::CopyOutRequest* request,
                       grpc::ServerWriter<v1::CopyOutResponse>* writer) override {
    const SplitPath path = split_path(request->path());
    v1::CopyOutResponse response;
    auto& info = *response.mutable_header()->mutable_info();
    info.set_kind(fs::is_directory(root + request->path()) ? v1::PATH_KIND_DIRECTORY
                                                           : v1::PATH_KIND_FILE);
    writer->Write(response);
    auto tar = TarProgram::start(TarProgram::Archive::kItWrites,
                                 {"-C", root + path.directory, "-c", "-f", "-", "--", path.name});
    std::string& chunk = *response.mutable_chunk();
    for (;;) {
      chunk.resize(65536);
      const ssize_t count = ::read(tar->archive(), chunk.data(), chunk.size());
      if (count <= 0) break;
      chunk.resize(static_cast<std::size_t>(count));
      writer->Write(response);
    }
    return tar->wait() ? grpc::Status::OK : grpc::Status(grpc::NOT_FOUND, "no such path");
  }
};

class Copy : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "skerry-cp-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    base_ = pattern;
    container_.root = base_ + "/root";
    fs::create_directories(container_.root + "/srv");
    fs::create_directories(base_ + "/host/site/css");
    write(base_ + "/host/site/index", "hello");
    write(base_ + "/host/site/css/a", "red");
    grpc::ServerBuilder builder;
    builder.AddListeningPort("unix:" + base_ + "/s", grpc::InsecureServerCredentials());
    builder.RegisterService(&container_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
  }
  void TearDown() override {
    server_->Shutdown();
    server_.reset();
    // A private directory of this test's, with nothing mounted below.
    for (const auto& entry : fs::recursive_directory_iterator(base_))
      paths_.push_back(entry.path());
    for (auto path = paths_.rbegin(); path != paths_.rend(); ++path) fs::remove(*path);
    fs::remove(base_);
  }

  static void write(const std::string& path, const std::string& text) {
    std::ofstream(path) << text;
  }
  static std::string read(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  Client client() const {
    return *Client::open({.host = base_ + "/s", .timeout = std::chrono::seconds(20)});
  }
  Result<> in(const std::string& source, const std::string& target) {
    return copy_in(client(), {}, {"", base_ + "/host/" + source}, {"web", target}, {});
  }
  Result<> out(const std::string& source, const std::string& target) {
    return copy_out(client(), {}, {"web", source}, {"", base_ + "/host/" + target}, {});
  }

  std::string base_;
  FakeContainer container_;
  std::vector<fs::path> paths_;
  std::unique_ptr<grpc::Server> server_;
};

TEST_F(Copy, PutsADirectoryInto) {
  ASSERT_TRUE(in("site", "/srv"));
  EXPECT_EQ(read(container_.root + "/srv/site/css/a"), "red");
  EXPECT_EQ(container_.owner, "0:0");
}

TEST_F(Copy, PutsContentsInto) {
  ASSERT_TRUE(in("site/.", "/srv"));
  EXPECT_EQ(read(container_.root + "/srv/index"), "hello");
}

TEST_F(Copy, NamesWhatItMakes) {
  ASSERT_TRUE(in("site", "/www"));
  EXPECT_EQ(read(container_.root + "/www/index"), "hello");
  ASSERT_TRUE(in("site/index", "/srv/a&b"));
  EXPECT_EQ(read(container_.root + "/srv/a&b"), "hello");
}

TEST_F(Copy, FollowsALinkToADirectory) {
  fs::create_symlink("srv", container_.root + "/link");
  ASSERT_TRUE(in("site/index", "/link"));
  EXPECT_EQ(read(container_.root + "/srv/index"), "hello");
}

TEST_F(Copy, SaysWhatIsMissing) {
  EXPECT_EQ(in("nothing", "/srv").error().sys_errno(), ENOENT);
  EXPECT_FALSE(in("site/index", "/nowhere/"));
}

TEST_F(Copy, GetsFilesAndTrees) {
  write(container_.root + "/srv/log", "line");
  ASSERT_TRUE(out("/srv/log", "site"));
  EXPECT_EQ(read(base_ + "/host/site/log"), "line");
  ASSERT_TRUE(out("/srv/log", "renamed"));
  EXPECT_EQ(read(base_ + "/host/renamed"), "line");
  ASSERT_TRUE(out("/srv", "tree"));
  EXPECT_EQ(read(base_ + "/host/tree/log"), "line");
  ASSERT_TRUE(out("/srv/.", "site"));
  EXPECT_EQ(read(base_ + "/host/site/log"), "line");
}

TEST_F(Copy, KeepsNoSetUserIdProgram) {
  write(container_.root + "/srv/su", "x");
  ASSERT_EQ(::chmod((container_.root + "/srv/su").c_str(), 04755), 0);
  ASSERT_TRUE(out("/srv/su", "su"));
  struct stat status {};
  ASSERT_EQ(::stat((base_ + "/host/su").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07000U, 0U);
}

TEST_F(Copy, SaysWhatTheDaemonSays) {
  EXPECT_EQ(out("/srv/missing", "x").error().message(), "no such path");
}

}  // namespace
}  // namespace skerry::cli
