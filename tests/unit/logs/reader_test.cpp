#include "logs/reader.h"

#include <poll.h>

#include "log_fixture.h"

namespace skerry::logs {
namespace {

using Lines = std::vector<std::string>;

class LogReaderTest : public LogTest {
 protected:
  static void write_numbers(LogWriter& log, int from, int to) {
    for (int i = from; i < to; ++i) log.append(Stream::kStdout, std::to_string(i) + "\n");
  }
  static Lines numbers(int from, int to) {
    Lines lines;
    for (int i = from; i < to; ++i) lines.push_back(std::to_string(i));
    return lines;
  }
  Lines tail(std::uint64_t lines, StreamFilter streams = StreamFilter::kBoth) {
    auto wanted = options();
    wanted.tail = lines;
    wanted.streams = streams;
    auto reader = LogReader::open(std::move(wanted));
    return texts(reader);
  }
  Lines after(const LogCursor& cursor, bool* gap = nullptr) {
    auto wanted = options();
    wanted.after = cursor;
    auto reader = LogReader::open(std::move(wanted));
    Lines lines;
    for (const auto& entry : read_all(reader)) {
      if (gap != nullptr && lines.empty()) *gap = entry.gap;
      lines.push_back(entry.text);
    }
    return lines;
  }
};

TEST_F(LogReaderTest, ALogWithoutFilesIsEmptyAndMayBegin) {
  auto reader = LogReader::open(options());
  EXPECT_EQ(texts(reader), Lines{});
  auto log = writer();
  log.append(Stream::kStdout, "first\n");
  EXPECT_EQ(texts(reader), Lines{"first"});
}

TEST_F(LogReaderTest, FollowsOverRotations) {
  auto log = writer(200, 3);
  auto reader = LogReader::open(options());
  Lines seen;
  for (int i = 0; i < 50; ++i) {
    write_numbers(log, i, i + 1);
    for (auto& line : texts(reader)) seen.push_back(line);
  }
  EXPECT_EQ(seen, numbers(0, 50));
}

TEST_F(LogReaderTest, ReadsWhatWasWrittenBeforeARotationItSleptThrough) {
  auto log = writer(200, 5);
  write_numbers(log, 0, 2);
  auto reader = LogReader::open(options());
  EXPECT_EQ(texts(reader), numbers(0, 2));
  write_numbers(log, 2, 15);
  EXPECT_EQ(texts(reader), numbers(2, 15));
}

TEST_F(LogReaderTest, SaysWhereEntriesAreMissing) {
  auto log = writer(200, 2);
  write_numbers(log, 0, 1);
  auto reader = LogReader::open(options());
  EXPECT_EQ(texts(reader), numbers(0, 1));
  write_numbers(log, 1, 100);
  const auto entries = read_all(reader);
  ASSERT_FALSE(entries.empty());
  // It still holds the file it was in, reads that to its end, and then jumps.
  int gaps = 0;
  for (const auto& entry : entries) gaps += entry.gap ? 1 : 0;
  EXPECT_EQ(gaps, 1);
  EXPECT_EQ(entries.back().text, "99");
}

TEST_F(LogReaderTest, EveryCursorResumesAfterItsEntry) {
  auto log = writer(500, 5);
  write_numbers(log, 0, 40);
  auto reader = LogReader::open(options());
  const auto entries = read_all(reader);
  ASSERT_EQ(entries.size(), 40U);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto cursor = LogCursor::parse(entries[i].next.str());
    ASSERT_TRUE(cursor);
    EXPECT_EQ(*cursor, entries[i].next);
    bool gap = true;
    EXPECT_EQ(after(*cursor, &gap), numbers(static_cast<int>(i) + 1, 40));
    EXPECT_EQ(gap, i + 1 == entries.size());
  }
}

TEST_F(LogReaderTest, ACursorOutlivesRotations) {
  auto log = writer(500, 5);
  write_numbers(log, 0, 5);
  auto reader = LogReader::open(options());
  const auto cursor = read_all(reader).at(2).next;
  write_numbers(log, 5, 40);
  EXPECT_EQ(after(cursor), numbers(3, 40));
}

TEST_F(LogReaderTest, ACursorOfALostFileStartsAtTheOldestWithAGap) {
  auto log = writer(200, 2);
  write_numbers(log, 0, 2);
  auto reader = LogReader::open(options());
  const auto cursor = read_all(reader).at(0).next;
  write_numbers(log, 2, 100);
  bool gap = false;
  const auto lines = after(cursor, &gap);
  EXPECT_TRUE(gap);
  EXPECT_EQ(lines.back(), "99");
  EXPECT_GT(lines.size(), 3U);
}

TEST_F(LogReaderTest, ACursorTakenInAFileThatWasOpenedEmptyIsGood) {
  put_content("log", "");
  auto reader = LogReader::open(options());
  EXPECT_EQ(texts(reader), Lines{});
  auto log = writer();
  write_numbers(log, 0, 3);
  const auto entries = read_all(reader);
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(after(entries[0].next), numbers(1, 3));
}

TEST_F(LogReaderTest, RefusesWhatIsNoCursor) {
  for (const auto* text : {"",
                           ".",
                           "..",
                           "1",
                           "1.2",
                           "1.2.",
                           "1.2.3.4",
                           "1.2.3 ",
                           "x.2.3",
                           "-1.2.3",
                           "1.2.11112222333344445"})
    EXPECT_FALSE(LogCursor::parse(text)) << text;
}

TEST_F(LogReaderTest, TailCountsLinesOverFiles) {
  auto log = writer(500, 10);
  write_numbers(log, 0, 60);
  for (const int count : {0, 1, 2, 11, 12, 13, 59, 60, 61, 1000})
    EXPECT_EQ(tail(static_cast<std::uint64_t>(count)), numbers(std::max(0, 60 - count), 60))
        << count;
}

TEST_F(LogReaderTest, TailCrossesBlocksOfLongLines) {
  auto log = writer(10 << 20, 2);
  for (int i = 0; i < 20; ++i)
    log.append(Stream::kStdout, std::string(9000, static_cast<char>('a' + i)) + "\n");
  for (std::uint64_t count = 1; count <= 20; ++count) {
    const auto lines = tail(count);
    ASSERT_EQ(lines.size(), count);
    EXPECT_EQ(lines[0][0], static_cast<char>('a' + 20 - count));
  }
}

TEST_F(LogReaderTest, TailCountsALineInPiecesOnce) {
  auto log = writer();
  log.append(Stream::kStdout, "one\n");
  log.append(Stream::kStdout, "two ");
  log.append(Stream::kStdout, "pieces\n");
  EXPECT_EQ(tail(1), (Lines{"two ", "pieces"}));
  log.append(Stream::kStdout, "unfinished");
  EXPECT_EQ(tail(1), Lines{"unfinished"});
  EXPECT_EQ(tail(2), (Lines{"two ", "pieces", "unfinished"}));
}

TEST_F(LogReaderTest, TailCountsOnlyTheStreamWanted) {
  auto log = writer();
  log.append(Stream::kStdout, "out 1\n");
  log.append(Stream::kStderr, "err 1\nerr 2\n");
  log.append(Stream::kStdout, "out 2\n");
  log.append(Stream::kStderr, "err 3\n");
  EXPECT_EQ(tail(2, StreamFilter::kStdout), (Lines{"out 1", "out 2"}));
  EXPECT_EQ(tail(2, StreamFilter::kStderr), (Lines{"err 2", "err 3"}));
  EXPECT_EQ(tail(2), (Lines{"out 2", "err 3"}));
}

TEST_F(LogReaderTest, SinceLeavesOutWhatIsOlder) {
  auto log = writer();
  write_numbers(log, 0, 3);
  clock_.now += std::chrono::seconds(5);
  write_numbers(log, 3, 6);
  auto wanted = options();
  wanted.since = clock_.now;
  auto reader = LogReader::open(std::move(wanted));
  EXPECT_EQ(texts(reader), numbers(3, 6));
}

TEST_F(LogReaderTest, SkipsGarbageAndCountsIt) {
  const std::string good = "2023-11-14T22:13:20.000000000Z stdout F ";
  const std::string garbage = "not an entry\n" + std::string(200'000, 'x') + "\n" + good +
                              std::string(kMaxLineBytes + 1, 'y') + "\n";
  put_content("log", good + "a\n" + garbage + good + "b\n");
  auto reader = LogReader::open(options());
  EXPECT_EQ(texts(reader), (Lines{"a", "b"}));
  EXPECT_EQ(reader.skipped_bytes(), garbage.size());
}

TEST_F(LogReaderTest, WaitsForTheRestOfATornLine) {
  const std::string good = "2023-11-14T22:13:20.000000000Z stdout F ";
  put_content("log", good + "a\n" + good + "to");
  auto reader = LogReader::open(options());
  EXPECT_EQ(texts(reader), Lines{"a"});
  put_content("log", good + "a\n" + good + "torn\n");
  EXPECT_EQ(texts(reader), Lines{"torn"});
}

TEST_F(LogReaderTest, TakesTheTornEndOfARotatedFileForWhatItIs) {
  const std::string good = "2023-11-14T22:13:20.000000000Z stdout F ";
  put_content("log.1", good + "a\n" + good + "tor");
  put_content("log", good + "b\n");
  EXPECT_EQ(texts(), (Lines{"a", "tor", "b"}));
}

TEST_F(LogReaderTest, WakesItsWaiter) {
  auto log = writer(200, 2);
  write_numbers(log, 0, 1);
  auto reader = LogReader::open(options());
  const auto fd = reader.wait_descriptor();
  ASSERT_TRUE(fd);
  EXPECT_EQ(texts(reader), numbers(0, 1));
  pollfd entry{.fd = *fd, .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&entry, 1, 0), 0);
  write_numbers(log, 1, 2);
  EXPECT_EQ(::poll(&entry, 1, 0), 1);
  EXPECT_EQ(texts(reader), numbers(1, 2));
  EXPECT_EQ(::poll(&entry, 1, 0), 0);
}

TEST_F(LogReaderTest, DoesNotFollowLinks) {
  put_content("secret", "2023-11-14T22:13:20.000000000Z stdout F secret\n");
  std::filesystem::create_symlink("secret", path_ / "log");
  EXPECT_EQ(texts(), Lines{});
}

}  // namespace
}  // namespace skerry::logs
