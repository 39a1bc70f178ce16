#include "agent/runtime/trace.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include <gtest/gtest.h>

#include "fixtures.h"

namespace skerry::runtime {
namespace {

TEST(Trace, WritesKeyValueLinesWithTimeAndLevel) {
  tests::KeptTrace trace;
  trace.get().info("container running", {{"container", "4f"}, {"note", "two words"}});
  const std::string text = trace.text();
  EXPECT_EQ(text.substr(10, 1), "T");
  EXPECT_NE(text.find("Z info    container running container=4f note=\"two words\"\n"),
            std::string::npos);
}

TEST(Trace, GivesTheJournalPrioritiesAndNoTime) {
  tests::KeptTrace trace(TraceLevel::kDebug, TraceFormat::kJournal);
  trace.get().debug("a");
  trace.get().notice("b");
  trace.get().warning("c", {{"k", "v"}});
  EXPECT_EQ(trace.text(), "<7>a\n<5>b\n<4>c k=v\n");
}

TEST(Trace, LeavesOutWhatIsBelowItsLevel) {
  tests::KeptTrace trace(TraceLevel::kWarning, TraceFormat::kJournal);
  trace.get().notice("no");
  EXPECT_FALSE(trace.get().enabled(TraceLevel::kNotice));
  EXPECT_EQ(trace.text(), "");
}

TEST(Trace, NothingFromOutsideStartsALine) {
  tests::KeptTrace trace(TraceLevel::kDebug, TraceFormat::kJournal);
  trace.get().info("name \"a\nb\"", {{"id", "x\n<0>forged\x1b[2J\"\\"}, {"empty", ""}});
  EXPECT_EQ(trace.text(), "<6>name \"a\\nb\" id=\"x\\n<0>forged\\x1b[2J\\\"\\\\\" empty=\"\"\n");
}

TEST(Trace, TellsAllOfAnError) {
  tests::KeptTrace trace(TraceLevel::kDebug, TraceFormat::kJournal);
  trace.get().error(
      "create failed",
      Error::from_errno(ENOENT, "open \"/x\"").with_step("create.root").with_object("u"));
  const std::string text = trace.text();
  EXPECT_NE(text.find("<3>create failed error=\"open \\\"/x\\\": no such file or directory\" "
                      "code=NOT_FOUND object=u step=create.root errno=2 at=trace_test.cpp:"),
            std::string::npos)
      << text;
}

TEST(Trace, KnowsItsLevelsByName) {
  EXPECT_EQ(*parse_trace_level("notice"), TraceLevel::kNotice);
  EXPECT_EQ(trace_level_name(TraceLevel::kError), "error");
  EXPECT_FALSE(parse_trace_level("loud").has_value());
}

TEST(Trace, TakesTheJournalFormatOnlyForTheStreamThatIsStderr) {
  struct stat status {};
  ASSERT_EQ(::fstat(STDERR_FILENO, &status), 0);
  const std::string ours = std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
  ASSERT_EQ(::setenv("JOURNAL_STREAM", ours.c_str(), 1), 0);
  EXPECT_EQ(detect_trace_format(), TraceFormat::kJournal);
  ASSERT_EQ(::setenv("JOURNAL_STREAM", "1:1", 1), 0);
  EXPECT_EQ(detect_trace_format(), TraceFormat::kPlain);
  ::unsetenv("JOURNAL_STREAM");
  EXPECT_EQ(detect_trace_format(), TraceFormat::kPlain);
}

}  // namespace
}  // namespace skerry::runtime
