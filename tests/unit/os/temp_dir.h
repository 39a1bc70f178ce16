// A directory of its own for one test, gone at the end of it.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "base/check.h"
#include "base/unique_fd.h"

namespace skerry::os::test {

class TempDir final {
 public:
  TempDir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "skerry-os-XXXXXX").string();
    CHECK(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
    fd_.reset(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    CHECK(static_cast<bool>(fd_));
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir() {
    std::error_code ignored;
    // Nothing is mounted in trees of unit tests.
    std::filesystem::remove_all(path_, ignored);  // NOLINT(skerry-banned)
  }

  int fd() const { return fd_.get(); }
  const std::string& path() const { return path_; }
  std::string at(const std::string& name) const { return path_ + "/" + name; }
  bool exists(const std::string& name) const {
    struct stat info {};
    return ::fstatat(fd_.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0;
  }
  void dir(const std::string& name) const { std::filesystem::create_directories(at(name)); }
  void file(const std::string& name, const std::string& bytes = "x") const {
    std::ofstream(at(name)) << bytes;
  }
  void link(const std::string& target, const std::string& name) const {
    std::filesystem::create_symlink(target, at(name));
  }

 private:
  std::string path_;
  UniqueFd fd_;
};

}  // namespace skerry::os::test
