// A directory of its own for a test, deleted with all in it.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "base/unique_fd.h"
#include "os/path.h"

namespace skerry::cni::test {

class TempDir final {
 public:
  TempDir() : path_("/tmp/skerry-cni-XXXXXX") {
    EXPECT_NE(::mkdtemp(path_.data()), nullptr);
    auto dir = os::open_dir(path_);
    EXPECT_TRUE(dir);
    if (dir) fd_ = std::move(*dir);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir() {
    const auto parent = os::open_dir("/tmp");
    EXPECT_TRUE(parent && os::remove_tree(parent->get(), path_.substr(5)));
  }

  int fd() const { return fd_.get(); }
  const std::string& path() const { return path_; }
  void write(const std::string& name, const std::string& text) const {
    const auto written = os::write_file_atomic(fd(), name, text);
    EXPECT_TRUE(written) << written.error().message();
  }

 private:
  std::string path_;
  UniqueFd fd_;
};

}  // namespace skerry::cni::test
