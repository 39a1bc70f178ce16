#include "cli/log_writer.h"

#include <string>

#include <gtest/gtest.h>

namespace skerry::cli {
namespace {

enum class Line { kWhole, kPartial };

void add(v1::ReadLogsResponse& response, v1::LogStream stream, const std::string& data, Line line) {
  auto& entry = *response.add_entries();
  entry.set_stream(stream);
  entry.set_data(data);
  entry.set_partial(line == Line::kPartial);
  entry.mutable_time()->set_seconds(1'769'853'600);
}

TEST(LogWriter, KeepsTheOrderOfTheStreams) {
  v1::ReadLogsResponse response;
  add(response, v1::LOG_STREAM_STDOUT, "one", Line::kWhole);
  add(response, v1::LOG_STREAM_STDOUT, "two", Line::kWhole);
  add(response, v1::LOG_STREAM_STDERR, "oops", Line::kWhole);
  add(response, v1::LOG_STREAM_STDOUT, std::string("\0\xff", 2), Line::kPartial);
  LogWriter writer(LogWriter::Times::kHide);
  const auto chunks = writer.render(response);
  ASSERT_EQ(chunks.size(), 3U);
  EXPECT_EQ(chunks[0].text, "one\ntwo\n");
  EXPECT_EQ(chunks[1].text, "oops\n");
  EXPECT_EQ(chunks[1].stream, v1::LOG_STREAM_STDERR);
  EXPECT_EQ(chunks[2].text, std::string("\0\xff", 2));
}

TEST(LogWriter, WritesTheTimeOncePerLineOverResponses) {
  LogWriter writer(LogWriter::Times::kShow);
  v1::ReadLogsResponse first;
  add(first, v1::LOG_STREAM_STDOUT, "a", Line::kPartial);
  add(first, v1::LOG_STREAM_STDERR, "e", Line::kWhole);
  EXPECT_EQ(writer.render(first)[0].text, "2026-01-31T10:00:00.000000000Z a");
  v1::ReadLogsResponse second;
  add(second, v1::LOG_STREAM_STDOUT, "b", Line::kWhole);
  add(second, v1::LOG_STREAM_STDOUT, "c", Line::kWhole);
  EXPECT_EQ(writer.render(second)[0].text, "b\n2026-01-31T10:00:00.000000000Z c\n");
}

}  // namespace
}  // namespace skerry::cli
