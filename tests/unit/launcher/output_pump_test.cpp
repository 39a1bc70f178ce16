#include "launcher/output_pump.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

namespace skerry::launcher {
namespace {

class OutputPumpTest : public ::testing::Test {
 protected:
  OutputPumpTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "skerry-pump-XXXXXX";
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    path_ = pattern;
    std::array<int, 2> out{};
    std::array<int, 2> err{};
    EXPECT_EQ(::pipe2(out.data(), O_CLOEXEC | O_NONBLOCK), 0);
    EXPECT_EQ(::pipe2(err.data(), O_CLOEXEC | O_NONBLOCK), 0);
    out_.reset(out[1]);
    err_.reset(err[1]);
    auto log = logs::LogWriter::open(
        {.directory = UniqueFd(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
         .name = "log"},
        clock_);
    EXPECT_TRUE(log);
    pump_ = OutputPump(
        {.log = std::move(*log), .output = UniqueFd(out[0]), .errors = UniqueFd(err[0])});
  }
  ~OutputPumpTest() override {
    std::error_code ignored;
    std::filesystem::remove(path_ / "log", ignored);
    std::filesystem::remove(path_, ignored);
  }
  std::string content() const {
    std::ifstream file(path_ / "log");
    return {std::istreambuf_iterator<char>(file), {}};
  }

  SystemClock clock_;
  std::filesystem::path path_;
  UniqueFd out_;
  UniqueFd err_;
  OutputPump pump_;
};

TEST_F(OutputPumpTest, LogsBothStreamsUntilTheyEnd) {
  ASSERT_EQ(::write(out_.get(), "one\n", 4), 4);
  ASSERT_EQ(::write(err_.get(), "two\n", 4), 4);
  pump_.pump(logs::Stream::kStdout);
  pump_.pump(logs::Stream::kStderr);
  // Nothing there is no end.
  pump_.pump(logs::Stream::kStdout);
  EXPECT_FALSE(pump_.finished());
  out_.reset();
  pump_.pump(logs::Stream::kStdout);
  EXPECT_LT(pump_.descriptor(logs::Stream::kStdout), 0);
  EXPECT_GE(pump_.descriptor(logs::Stream::kStderr), 0);
  err_.reset();
  pump_.pump(logs::Stream::kStderr);
  EXPECT_TRUE(pump_.finished());
  EXPECT_NE(content().find(" stdout F one\n"), std::string::npos);
  EXPECT_NE(content().find(" stderr F two\n"), std::string::npos);
}

TEST_F(OutputPumpTest, GivesItsMemoryBackAndWorksOn) {
  EXPECT_FALSE(pump_.holds_memory());
  ASSERT_EQ(::write(out_.get(), "one\n", 4), 4);
  pump_.pump(logs::Stream::kStdout);
  EXPECT_TRUE(pump_.holds_memory());
  pump_.release_memory();
  EXPECT_FALSE(pump_.holds_memory());
  ASSERT_EQ(::write(out_.get(), "two\n", 4), 4);
  pump_.pump(logs::Stream::kStdout);
  EXPECT_NE(content().find("two\n"), std::string::npos);
}

TEST_F(OutputPumpTest, EndsWhenItGivesUp) {
  pump_.give_up();
  EXPECT_TRUE(pump_.finished());
  EXPECT_EQ(pump_.dropped(), 0U);
}

TEST(OutputPump, WithNothingToMoveIsFinished) {
  const OutputPump pump;
  EXPECT_TRUE(pump.finished());
  EXPECT_EQ(pump.descriptor(logs::Stream::kStdout), -1);
}

}  // namespace
}  // namespace skerry::launcher
