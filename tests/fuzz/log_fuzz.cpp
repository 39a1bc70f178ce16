// What the daemon reads of a container's directory after a crash: a log of any bytes, and an exit
// record of any bytes. The first byte chooses where reading starts.
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "logs/exit_record.h"
#include "logs/reader.h"

namespace {

using skerry::UniqueFd;
namespace logs = skerry::logs;

const std::string& directory() {
  static const std::string kPath = [] {
    std::string pattern = "/tmp/skerry-log-fuzz-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    return pattern;
  }();
  return kPath;
}

UniqueFd open_directory() {
  return UniqueFd(::open(directory().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

// Anew and not truncated: ext4 writes a file that replaces its contents to the disk at close.
void put_log(std::string_view bytes) {
  const std::string path = directory() + "/log";
  ::unlink(path.c_str());
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (::write(file.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
    std::abort();
}

// Entries and what was skipped never add up to more than there is, and cursors only go forward.
void read_log(std::string_view bytes, std::uint8_t choice) {
  logs::LogReader::Options options{.directory = open_directory(), .name = "log", .max_files = 1};
  if ((choice & 1U) != 0) options.tail = choice >> 2U;
  if ((choice & 2U) != 0) options.streams = logs::StreamFilter::kStderr;
  auto reader = logs::LogReader::open(std::move(options));
  std::size_t total = 0;
  std::uint64_t offset = 0;
  for (;;) {
    const auto entry = reader.next();
    if (!entry || !*entry) break;
    total += (*entry)->text.size();
    if ((*entry)->next.offset <= offset) std::abort();
    offset = (*entry)->next.offset;
    const auto cursor = logs::LogCursor::parse((*entry)->next.str());
    if (!cursor || *cursor != (*entry)->next) std::abort();
  }
  if (total + reader.skipped_bytes() > bytes.size()) std::abort();
}

void read_record(std::string_view bytes) {
  const UniqueFd file(::memfd_create("record", MFD_CLOEXEC));
  if (::write(file.get(), bytes.data(), bytes.size()) < 0) std::abort();
  const auto record = logs::read_exit_record(file.get(), "0123456789abcdef0123456789abcdef");
  if (record && *record && (*record)->uid.size() != 32) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  put_log(bytes);
  read_log(bytes, data[0]);
  read_record(bytes);
  static_cast<void>(logs::LogCursor::parse(bytes));
  return 0;
}
