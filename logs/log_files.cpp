#include "logs/log_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "logs/entry.h"

namespace skerry::logs {
std::optional<LogFile> open_log_file(int dir, const std::string& name) {
  LogFile file{
      .fd = UniqueFd(::openat(dir, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)),
      .id = {}};
  struct stat info {};
  if (!file.fd || ::fstat(file.fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
  file.id = {.inode = info.st_ino, .first_ns = first_time(file)};
  return file;
}

std::vector<LogFile> open_log_files(int dir, const std::string& name, std::uint32_t max_files) {
  std::vector<LogFile> files;
  // From the newest on, against the direction of the renames: a file moves ahead of us and is met
  // again, never behind us. No end at the first gap: a rotation makes one for a moment.
  for (std::uint32_t number = 0; number < std::max(max_files, 1U); ++number) {
    auto file = open_log_file(dir, number == 0 ? name : name + "." + std::to_string(number));
    if (!file) continue;
    const bool known = std::ranges::any_of(
        files, [&](const LogFile& other) { return other.id.inode == file->id.inode; });
    if (!known) files.push_back(std::move(*file));
  }
  return files;
}

bool is_newest(int dir, const std::string& name, const LogFile& file) {
  struct stat info {};
  return ::fstatat(dir, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
         info.st_ino == file.id.inode;
}

std::uint64_t first_time(const LogFile& file) {
  std::array<char, kHeaderBytes> bytes{};
  const ssize_t got = ::pread(file.fd.get(), bytes.data(), bytes.size(), 0);
  if (got != static_cast<ssize_t>(bytes.size())) return 0;
  const auto header = parse_header({bytes.data(), bytes.size()});
  if (!header) return 0;
  return static_cast<std::uint64_t>(header->time.time_since_epoch().count());
}

std::uint64_t size_of(const LogFile& file) {
  struct stat info {};
  if (::fstat(file.fd.get(), &info) != 0) return 0;
  return static_cast<std::uint64_t>(info.st_size);
}

}  // namespace skerry::logs
