// The whole way of an import as root: layer store, leash, skerry-unpack. The program's path comes
// in SKERRY_UNPACK.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>

#include "../../conformance/privileged.h"
#include "../../unit/images/fakes.h"
#include "../../unit/os/temp_dir.h"
#include "../../unit/unpack/tar_builder.h"
#include "images/image_store.h"
#include "os/path.h"

namespace skerry::images {
namespace {

namespace fs = std::filesystem;
using unpack::test::source_of;
using unpack::test::TarBuilder;

std::string program() {
  const char* path = std::getenv("SKERRY_UNPACK");
  return path == nullptr ? "" : path;
}

/// The children of this process, whichever thread started them.
std::vector<pid_t> children() {
  std::vector<pid_t> out;
  for (const auto& task : fs::directory_iterator("/proc/self/task")) {
    std::ifstream file(task.path() / "children");
    for (pid_t pid = 0; file >> pid;) out.push_back(pid);
  }
  return out;
}

/// A pipe whose write end a test keeps open, so that the program waits for more.
struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  CHECK(::pipe2(ends.data(), O_CLOEXEC) == 0);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

class Import : public ::testing::Test {
 protected:
  void SetUp() override {
    SKERRY_REQUIRE(::geteuid() == 0, "needs root");
    SKERRY_REQUIRE(!program().empty(), "needs SKERRY_UNPACK");
  }

  Result<StagedLayer> stage(int source, UnpackJob job = {}) {
    job.source = source;
    return layers_.stage(unpacker_, job, clock_);
  }

  bool nothing_left() const { return fs::is_empty(temp_.at("layers")); }

  os::test::TempDir temp_;
  LayerStore layers_ = std::move(*LayerStore::open(temp_.fd()));
  ProcessUnpacker unpacker_{program()};
  test::FakeClock clock_;
};

TEST_F(Import, AnArchiveBecomesAnImage) {
  const UniqueFd source = source_of(
      TarBuilder()
          .add({.name = "bin/su", .content = "#!", .link = {}, .mode = 04755, .uid = 12, .gid = 34})
          .finish());
  const auto staged = stage(source.get());
  ASSERT_TRUE(staged) << staged.error().message();
  test::FakeCatalog catalog;
  ImageStore store(layers_, catalog);
  const auto image = store.commit(*staged, *parse_image_name("app"));
  ASSERT_TRUE(image);
  ASSERT_TRUE(layers_.settle());
  const auto tree = layers_.open_tree(store.find("app")->content_id);
  ASSERT_TRUE(tree);
  struct stat info {};
  ASSERT_EQ(::fstatat(tree->get(), "bin/su", &info, 0), 0);
  EXPECT_EQ(info.st_mode & 07777U, 04755U);
  EXPECT_EQ(info.st_uid, 12U);
  EXPECT_EQ(image->size, Bytes(2));
}

TEST_F(Import, TheSameDirectoryTwiceIsOneTree) {
  temp_.dir("source/d");
  temp_.file("source/d/file", "content");
  const UniqueFd source = *os::open_dir(temp_.at("source"));
  UnpackJob job;
  job.source_kind = SourceKind::kDirectory;
  const auto first = stage(source.get(), job);
  const auto second = stage(source.get(), job);
  ASSERT_TRUE(first && second);
  EXPECT_TRUE(*layers_.commit(*first));
  EXPECT_FALSE(*layers_.commit(*second));
  ASSERT_TRUE(layers_.settle());
  EXPECT_EQ(layers_.list()->size(), 1U);
}

TEST_F(Import, AHostileArchiveLeavesNothing) {
  const UniqueFd source =
      source_of(TarBuilder().add_file("fine").add_file("../../../evil").finish());
  const auto staged = stage(source.get());
  ASSERT_FALSE(staged);
  EXPECT_EQ(staged.error().reason(), "ENTRY_ESCAPES");
  EXPECT_EQ(staged.error().object(), "../../../evil");
  EXPECT_EQ(staged.error().code(), Code::kInvalidArgument);
  EXPECT_TRUE(nothing_left());
}

TEST_F(Import, TheDeadlineEndsIt) {
  const Pipe pipe = make_pipe();
  UnpackJob job;
  job.limits.deadline = std::chrono::milliseconds(300);
  const auto staged = stage(pipe.read.get(), job);
  ASSERT_FALSE(staged);
  EXPECT_EQ(staged.error().code(), Code::kDeadlineExceeded);
  EXPECT_TRUE(nothing_left());
  EXPECT_TRUE(children().empty());
}

TEST_F(Import, KilledInTheMiddleLeavesNothing) {
  const Pipe pipe = make_pipe();
  ASSERT_TRUE(os::write_all(pipe.write.get(), TarBuilder().add_file("half").bytes()));
  std::atomic<bool> killed = false;
  std::jthread killer([&](const std::stop_token& stop) {
    while (!stop.stop_requested() && !killed) {
      for (const auto& each : fs::recursive_directory_iterator(temp_.at("layers"))) {
        if (each.path().filename() != "half") continue;
        for (const pid_t pid : children()) killed = ::kill(pid, SIGKILL) == 0;
        break;
      }
    }
  });
  const auto staged = stage(pipe.read.get());
  killer.request_stop();
  killer.join();
  ASSERT_TRUE(killed);
  ASSERT_FALSE(staged);
  EXPECT_EQ(staged.error().reason(), "UNPACK_KILLED");
  EXPECT_TRUE(staged.error().retryable());
  EXPECT_TRUE(nothing_left());
}

TEST_F(Import, TheProcessorLimitEndsIt) {
  ASSERT_NE(::signal(SIGPIPE, SIG_IGN), SIG_ERR);
  Pipe pipe = make_pipe();
  std::jthread writer([fd = pipe.write.get()] {
    // Zeros after the end of the archive: read for the digest only.
    const std::string zeros(1U << 20U, '\0');
    while (os::write_all(fd, zeros)) {
    }
  });
  UnpackJob job;
  job.limits.max_bytes = Bytes(1ULL << 50U);
  job.limits.max_cpu = std::chrono::seconds(1);
  const auto staged = stage(pipe.read.get(), job);
  // The writer ends when nobody reads any more.
  pipe.read.reset();
  writer.join();
  ASSERT_FALSE(staged);
  EXPECT_EQ(staged.error().reason(), "ARCHIVE_TOO_SLOW") << staged.error().message();
  EXPECT_TRUE(nothing_left());
}

TEST_F(Import, AMissingProgramIsSaid) {
  ProcessUnpacker missing("/nonexistent/skerry-unpack");
  const UniqueFd source = source_of(TarBuilder().finish());
  UnpackJob job;
  job.source = source.get();
  const auto staged = layers_.stage(missing, job, clock_);
  ASSERT_FALSE(staged);
  EXPECT_EQ(staged.error().sys_errno(), ENOENT);
  EXPECT_TRUE(nothing_left());
}

}  // namespace
}  // namespace skerry::images
