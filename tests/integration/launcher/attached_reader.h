// The daemon's end of an attached connection.
#pragma once

#include <cstdint>
#include <string>

#include "base/unique_fd.h"
#include "harness.h"

namespace skerry::launcher::test {

class AttachedReader final {
 public:
  AttachedReader(Container& container, std::uint32_t streams);
  /// Until the shim closes.
  void read_to_end();
  /// Until the output contains the text. Fails the test when it never does.
  void read_until(const std::string& text);
  const std::string& out() const { return out_; }
  const std::string& errors() const { return errors_; }
  std::uint64_t missed() const { return missed_; }
  logs::LogPosition position() const { return position_; }

 private:
  bool read_frame();

  UniqueFd socket_;
  logs::LogPosition position_;
  std::string out_;
  std::string errors_;
  std::uint64_t missed_ = 0;
};

}  // namespace skerry::launcher::test
