// A temporary log directory and a clock that tests set.
#pragma once

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "logs/reader.h"
#include "logs/writer.h"

namespace skerry::logs {

/// Stands still unless moved.
class FakeClock final : public Clock {
 public:
  SteadyTime steady() const override { return {}; }
  WallTime wall() const override { return now; }
  WallTime now{std::chrono::seconds(1'700'000'000)};
};

class LogTest : public ::testing::Test {
 protected:
  LogTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "skerry-log-XXXXXX";
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    path_ = pattern;
  }
  ~LogTest() override {
    std::error_code ignored;
    for (const auto& file : std::filesystem::directory_iterator(path_, ignored))
      std::filesystem::remove(file, ignored);
    std::filesystem::remove(path_, ignored);
  }

  UniqueFd directory() const {
    return UniqueFd(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  LogWriter writer(std::uint64_t max_bytes = 1 << 20, std::uint32_t max_files = 3) {
    auto made = LogWriter::open(
        {.directory = directory(), .name = "log", .max_bytes = max_bytes, .max_files = max_files},
        clock_);
    EXPECT_TRUE(made);
    return std::move(*made);
  }
  LogReader::Options options() const {
    return {.directory = directory(), .name = "log", .max_files = 10};
  }
  std::string content(const std::string& name = "log") const {
    std::ifstream file(path_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void put_content(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
  }

  static std::vector<LogEntry> read_all(LogReader& reader) {
    std::vector<LogEntry> entries;
    for (;;) {
      auto entry = reader.next();
      EXPECT_TRUE(entry);
      if (!entry || !*entry) return entries;
      entries.push_back(std::move(**entry));
    }
  }
  static std::vector<std::string> texts(LogReader& reader) {
    std::vector<std::string> out;
    for (auto& entry : read_all(reader)) out.push_back(entry.text);
    return out;
  }
  std::vector<std::string> texts() const {
    auto reader = LogReader::open(options());
    return texts(reader);
  }

  std::filesystem::path path_;
  FakeClock clock_;
};

}  // namespace skerry::logs
