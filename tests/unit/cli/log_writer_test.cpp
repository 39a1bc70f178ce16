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

TEST(LogWriter, PutsLinesAndStreamsWhereTheyBelong) {
  v1::ReadLogsResponse response;
  add(response, v1::LOG_STREAM_STDOUT, "one", Line::kWhole);
  add(response, v1::LOG_STREAM_STDERR, "oops", Line::kWhole);
  add(response, v1::LOG_STREAM_STDOUT, std::string("\0\xff", 2), Line::kPartial);
  LogWriter writer(LogWriter::Times::kHide);
  const auto output = writer.render(response);
  EXPECT_EQ(output.standard, std::string("one\n\0\xff", 6));
  EXPECT_EQ(output.error, "oops\n");
}

TEST(LogWriter, WritesTheTimeOncePerLineOverResponses) {
  LogWriter writer(LogWriter::Times::kShow);
  v1::ReadLogsResponse first;
  add(first, v1::LOG_STREAM_STDOUT, "a", Line::kPartial);
  add(first, v1::LOG_STREAM_STDERR, "e", Line::kWhole);
  EXPECT_EQ(writer.render(first).standard, "2026-01-31T10:00:00.000000000Z a");
  v1::ReadLogsResponse second;
  add(second, v1::LOG_STREAM_STDOUT, "b", Line::kWhole);
  add(second, v1::LOG_STREAM_STDOUT, "c", Line::kWhole);
  EXPECT_EQ(writer.render(second).standard, "b\n2026-01-31T10:00:00.000000000Z c\n");
}

}  // namespace
}  // namespace skerry::cli
