// Use of resources as people read it: percent, "12MiB / 64MiB".
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include <google/protobuf/repeated_field.h>

#include "base/clock.h"
#include "skerry/v1/stats.pb.h"

namespace skerry::cli {

/// Processor time between two rounds, in percent of one CPU. Thread: one.
class CpuMeter final {
 public:
  /// `key` says whose time it is; `life` changes when its counter begins anew. "--" for the first
  /// round.
  std::string percent(const std::string& key, std::uint64_t life, WallTime time, std::uint64_t ns);

 private:
  struct Sample {
    WallTime time;
    std::uint64_t ns = 0;
    std::uint64_t life = 0;
  };
  std::map<std::string, Sample> samples_;
};

/// "12MiB / 64MiB", "12MiB / unlimited".
std::string memory_cell(const v1::MemoryStats& memory);

/// Of the limit; "--" without one.
std::string memory_percent(const v1::MemoryStats& memory);

/// "3 / 4096", "3".
std::string pids_cell(const v1::PidsStats& pids);

/// "1.2MiB / 300KiB": received and sent, every interface together; "--" without one.
std::string traffic_cell(const google::protobuf::RepeatedPtrField<v1::InterfaceStats>& interfaces);

/// A table that is drawn again and again: over itself on a terminal, one below the other elsewhere.
class LiveTable final {
 public:
  explicit LiveTable(bool live);
  void draw(const std::string& text);

 private:
  bool over_itself_;
  bool drawn_ = false;
};

}  // namespace skerry::cli
