#include "logs/writer.h"

#include <sys/resource.h>

#include <csignal>

#include "log_fixture.h"

namespace skerry::logs {
namespace {

using LogWriterTest = LogTest;

// Makes writes beyond a file size fail (EFBIG), as a full disk makes them fail (ENOSPC).
class FileSizeLimit final {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{.rlim_cur = bytes, .rlim_max = before_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int) = nullptr;
};

TEST_F(LogWriterTest, WritesLinesOfBothStreams) {
  auto log = writer();
  EXPECT_EQ(log.append(Stream::kStdout, "one\ntwo\n"), 8U);
  EXPECT_EQ(log.append(Stream::kStderr, "oops\n\n"), 6U);
  EXPECT_EQ(content(),
            "2023-11-14T22:13:20.000000000Z stdout F one\n"
            "2023-11-14T22:13:20.000000000Z stdout F two\n"
            "2023-11-14T22:13:20.000000000Z stderr F oops\n"
            "2023-11-14T22:13:20.000000000Z stderr F \n");
}

TEST_F(LogWriterTest, TagsPiecesOfALine) {
  auto log = writer();
  log.append(Stream::kStdout, "no newline");
  log.append(Stream::kStdout, " yet\n");
  EXPECT_EQ(content(),
            "2023-11-14T22:13:20.000000000Z stdout P no newline\n"
            "2023-11-14T22:13:20.000000000Z stdout F  yet\n");
}

TEST_F(LogWriterTest, SplitsLongLines) {
  auto log = writer();
  const std::string line(kMaxLineBytes * 2 + 5, 'x');
  EXPECT_EQ(log.append(Stream::kStdout, line + "\n"), line.size() + 1);
  auto reader = LogReader::open(options());
  const auto entries = read_all(reader);
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_TRUE(entries[0].header.partial);
  EXPECT_TRUE(entries[1].header.partial);
  EXPECT_FALSE(entries[2].header.partial);
  EXPECT_EQ(entries[0].text + entries[1].text + entries[2].text, line);
}

TEST_F(LogWriterTest, RotatesBySizeAndKeepsTheCount) {
  auto log = writer(100, 3);
  for (int i = 0; i < 10; ++i) log.append(Stream::kStdout, "entry " + std::to_string(i) + "\n");
  // 48 bytes each: two a file.
  EXPECT_EQ(content("log").substr(kHeaderBytes),
            "entry 8\n" + content("log").substr(48, 40) + "entry 9\n");
  EXPECT_EQ(
      texts(),
      (std::vector<std::string>{"entry 4", "entry 5", "entry 6", "entry 7", "entry 8", "entry 9"}));
  EXPECT_FALSE(std::filesystem::exists(path_ / "log.3"));
  for (const auto* name : {"log", "log.1", "log.2"}) EXPECT_LE(content(name).size(), 100U);
}

TEST_F(LogWriterTest, OneFileStartsAnew) {
  auto log = writer(100, 1);
  for (int i = 0; i < 5; ++i) log.append(Stream::kStdout, "entry " + std::to_string(i) + "\n");
  EXPECT_EQ(texts(), (std::vector<std::string>{"entry 4"}));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(path_), {}), 1);
}

TEST_F(LogWriterTest, OneCallMayFillSeveralFiles) {
  auto log = writer(1000, 5);
  std::string data;
  for (int i = 0; i < 60; ++i) data += "entry " + std::to_string(i) + "\n";
  EXPECT_EQ(log.append(Stream::kStdout, data), data.size());
  const auto lines = texts();
  ASSERT_EQ(lines.size(), 60U);
  EXPECT_EQ(lines.back(), "entry 59");
  EXPECT_TRUE(std::filesystem::exists(path_ / "log.2"));
  // A clock that stands still must not give two files the same identity.
  EXPECT_NE(content("log").substr(0, 30), content("log.1").substr(0, 30));
}

TEST_F(LogWriterTest, AnEntryAboveTheLimitGetsAFile) {
  auto log = writer(64, 3);
  log.append(Stream::kStdout, "a\n");
  log.append(Stream::kStdout, std::string(200, 'x') + "\n");
  log.append(Stream::kStdout, "b\n");
  EXPECT_EQ(texts(), (std::vector<std::string>{"a", std::string(200, 'x'), "b"}));
}

TEST_F(LogWriterTest, ContinuesAFileAndEndsATornLine) {
  put_content("log", "2023-11-14T22:13:20.000000000Z stdout F whole\n2023-11-14T22:13:20.00");
  writer().append(Stream::kStdout, "next\n");
  EXPECT_EQ(texts(), (std::vector<std::string>{"whole", "next"}));
}

TEST_F(LogWriterTest, BlocksWhenFullAndLosesNothing) {
  auto log = writer();
  std::string data;
  for (int i = 0; i < 100; ++i) data += "entry " + std::to_string(i) + "\n";
  std::size_t taken = 0;
  {
    const FileSizeLimit limit(1000);
    taken = log.append(Stream::kStdout, data);
    EXPECT_GT(taken, 0U);
    EXPECT_LT(taken, data.size());
    EXPECT_EQ(log.append(Stream::kStdout, data.substr(taken)), 0U);
    EXPECT_EQ(content().back(), '\n');
  }
  EXPECT_EQ(log.append(Stream::kStdout, data.substr(taken)), data.size() - taken);
  EXPECT_EQ(log.dropped(), 0U);
  const auto lines = texts();
  ASSERT_EQ(lines.size(), 100U);
  for (std::size_t i = 0; i < lines.size(); ++i) EXPECT_EQ(lines[i], "entry " + std::to_string(i));
}

TEST_F(LogWriterTest, DropsWhenFullAndCounts) {
  auto opened =
      LogWriter::open({.directory = directory(), .name = "log", .on_full = OnFull::kDrop}, clock_);
  ASSERT_TRUE(opened);
  auto& log = *opened;
  std::string data;
  for (int i = 0; i < 100; ++i) data += "entry " + std::to_string(i) + "\n";
  {
    const FileSizeLimit limit(1000);
    EXPECT_EQ(log.append(Stream::kStdout, data), data.size());
  }
  EXPECT_EQ(log.append(Stream::kStdout, "after\n"), 6U);
  const auto lines = texts();
  std::size_t kept = 0;
  for (const auto& line : lines) kept += line.size() + 1;
  EXPECT_EQ(log.dropped() + kept, data.size() + std::string_view("after\n").size());
  EXPECT_GT(log.dropped(), data.size() / 2);
  EXPECT_EQ(lines.back(), "after");
}

TEST_F(LogWriterTest, RefusesALinkInPlaceOfTheLog) {
  std::filesystem::create_symlink("/etc/passwd", path_ / "log");
  EXPECT_FALSE(LogWriter::open({.directory = directory(), .name = "log"}, clock_));
}

TEST_F(LogWriterTest, WorksOnAfterGivingMemoryBack) {
  auto log = writer();
  log.append(Stream::kStdout, "a\n");
  log.release_memory();
  log.append(Stream::kStdout, "b\n");
  EXPECT_EQ(texts(), (std::vector<std::string>{"a", "b"}));
}

}  // namespace
}  // namespace skerry::logs
