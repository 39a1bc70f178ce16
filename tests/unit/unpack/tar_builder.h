// Archives byte by byte, so that they can be as wrong as a test wants them.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "base/check.h"
#include "base/unique_fd.h"

namespace skerry::unpack::test {

struct TarEntry {
  std::string name;
  char type = '0';
  std::string content;
  std::string link;
  unsigned mode = 0644;
  // Whoever runs the tests may give files to himself.
  std::uint64_t uid = ::geteuid();
  std::uint64_t gid = ::getegid();
  std::int64_t modified = 1'000'000'000;
};

class TarBuilder final {
 public:
  TarBuilder& add(const TarEntry& entry) {
    add_header(entry, entry.content.size());
    add_padded(entry.content);
    return *this;
  }

  TarBuilder& add_file(const std::string& name, const std::string& content = "x") {
    return add({.name = name, .content = content, .link = {}});
  }

  TarBuilder& add_link(char type, const std::string& name, const std::string& target) {
    return add({.name = name, .type = type, .content = {}, .link = target});
  }

  /// A pax record for the next entry: "path", "SCHILY.xattr.user.x" …
  TarBuilder& add_pax(std::string_view key, std::string_view value) {
    std::size_t length = key.size() + value.size() + 3;
    while (fmt::format("{} {}={}\n", length, key, value).size() != length) ++length;
    return add({.name = "pax",
                .type = 'x',
                .content = fmt::format("{} {}={}\n", length, key, value),
                .link = {}});
  }

  /// The header says `size`; the content is whatever follows.
  TarBuilder& add_header(const TarEntry& entry, std::uint64_t size) {
    std::string header(512, '\0');
    put(header, 0, entry.name, 100);
    put(header, 100, fmt::format("{:07o}", entry.mode), 8);
    put(header, 108, fmt::format("{:07o}", entry.uid), 8);
    put(header, 116, fmt::format("{:07o}", entry.gid), 8);
    put(header, 124, fmt::format("{:011o}", size), 12);
    put(header, 136, fmt::format("{:011o}", entry.modified), 12);
    put(header, 148, "        ", 8);
    header[156] = entry.type;
    put(header, 157, entry.link, 100);
    put(header, 257, std::string_view("ustar\00000", 8), 8);
    put(header, 329, "0000000", 8);
    put(header, 337, "0000000", 8);
    unsigned sum = 0;
    for (const char c : header) sum += static_cast<unsigned char>(c);
    put(header, 148, fmt::format("{:06o}", sum), 7);
    bytes_ += header;
    return *this;
  }

  /// With the two empty blocks that end an archive.
  std::string finish() const { return bytes_ + std::string(1024, '\0'); }
  const std::string& bytes() const { return bytes_; }

 private:
  static void put(std::string& header, std::size_t at, std::string_view text, std::size_t size) {
    CHECK(text.size() <= size);
    header.replace(at, text.size(), text);
  }

  void add_padded(const std::string& content) {
    bytes_ += content;
    bytes_.append((512 - content.size() % 512) % 512, '\0');
  }

  std::string bytes_;
};

/// The bytes as a descriptor to read from.
inline UniqueFd source_of(std::string_view bytes) {
  UniqueFd fd(::memfd_create("archive", MFD_CLOEXEC));
  CHECK(::write(fd.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  CHECK(::lseek(fd.get(), 0, SEEK_SET) == 0);
  return fd;
}

}  // namespace skerry::unpack::test
