#include "unpack/unpack_archive.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "../os/temp_dir.h"
#include "tar_builder.h"

namespace skerry::unpack {
namespace {

namespace fs = std::filesystem;
using test::TarBuilder;

std::string hex(const Digest& digest) {
  std::string out;
  for (const auto byte : digest) out += fmt::format("{:02x}", byte);
  return out;
}

std::string gzip(const std::string& bytes) {
  z_stream stream{};
  CHECK(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  std::string input = bytes;
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

/// A tree below a directory that also holds a canary, which no archive may reach.
class UnpackArchive : public ::testing::Test {
 protected:
  UnpackArchive() {
    temp_.dir("fs");
    temp_.file("canary", "untouched");
    root_.reset(::open(temp_.at("fs").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  ~UnpackArchive() override { EXPECT_EQ(content_of("../canary"), "untouched"); }

  Result<Unpacked> unpack(const std::string& archive, const Limits& limits = {}) {
    const UniqueFd source = test::source_of(archive);
    return unpack_archive(source.get(), root_.get(), limits, Whiteouts::kLiteral);
  }

  std::string reason_of(const std::string& archive, const Limits& limits = {}) {
    const auto unpacked = unpack(archive, limits);
    return unpacked ? "accepted" : unpacked.error().reason();
  }

  std::string at(const std::string& name) const { return temp_.at("fs/" + name); }
  std::string content_of(const std::string& name) const {
    std::ifstream file(at(name));
    return {std::istreambuf_iterator<char>(file), {}};
  }

  os::test::TempDir temp_;
  UniqueFd root_;
};

TEST_F(UnpackArchive, MakesFilesDirectoriesAndLinks) {
  const auto archive =
      TarBuilder()
          .add({.name = "bin/", .type = '5', .content = {}, .link = {}, .mode = 0711})
          .add({.name = "bin/su", .content = "#!", .link = {}, .mode = 04755})
          .add_link('2', "link", "/etc/passwd")
          .add_link('1', "hard", "bin/su")
          .add({.name = "fifo", .type = '6', .content = {}, .link = {}})
          .finish();
  const auto unpacked = unpack(archive);
  ASSERT_TRUE(unpacked) << unpacked.error().message();
  EXPECT_EQ(unpacked->bytes, 2U);
  EXPECT_EQ(unpacked->entries, 5U);
  struct stat info {};
  ASSERT_EQ(::stat(at("bin/su").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 04755U);
  EXPECT_EQ(info.st_nlink, 2U);
  EXPECT_EQ(info.st_mtim.tv_sec, 1'000'000'000);
  ASSERT_EQ(::stat(at("bin").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0711U);
  EXPECT_EQ(info.st_mtim.tv_sec, 1'000'000'000);
  EXPECT_EQ(fs::read_symlink(at("link")), "/etc/passwd");
  EXPECT_TRUE(fs::is_fifo(at("fifo")));
}

TEST_F(UnpackArchive, DigestIsThatOfTheUncompressedStream) {
  // sha256sum of 1024 zeros: an archive without entries.
  const std::string empty = TarBuilder().finish();
  const char* const expected = "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";
  for (const auto& archive : {empty, gzip(empty)}) {
    const auto unpacked = unpack(archive);
    ASSERT_TRUE(unpacked) << unpacked.error().message();
    EXPECT_EQ(hex(unpacked->digest), expected);
  }
}

TEST_F(UnpackArchive, GzipMembersInARowAreOneStream) {
  const std::string archive = TarBuilder().add_file("a", std::string(3000, 'a')).finish();
  const auto whole = unpack(archive);
  const auto parts = unpack(gzip(archive.substr(0, 700)) + gzip(archive.substr(700)));
  ASSERT_TRUE(whole && parts);
  EXPECT_EQ(whole->digest, parts->digest);
}

TEST_F(UnpackArchive, ChecksWhatGzipSaysOfItself) {
  std::string archive = gzip(TarBuilder().add_file("a").finish());
  archive[archive.size() - 6] = static_cast<char>(archive[archive.size() - 6] ^ 1);
  EXPECT_EQ(reason_of(archive), "ARCHIVE_CORRUPT");
}

TEST_F(UnpackArchive, RefusesGarbageAfterGzip) {
  const std::string archive = gzip(TarBuilder().add_file("a").finish());
  EXPECT_EQ(reason_of(archive + std::string(100, '\0')), "accepted");
  EXPECT_EQ(reason_of(archive + "garbage"), "ARCHIVE_CORRUPT");
}

TEST_F(UnpackArchive, RefusesDotDot) {
  EXPECT_EQ(reason_of(TarBuilder().add_file("../canary").finish()), "ENTRY_ESCAPES");
  EXPECT_EQ(reason_of(TarBuilder().add_link('1', "x", "../canary").finish()), "ENTRY_ESCAPES");
}

TEST_F(UnpackArchive, AbsoluteNamesStayInside) {
  ASSERT_TRUE(unpack(TarBuilder().add_file("/etc/passwd", "mine").finish()));
  EXPECT_EQ(content_of("etc/passwd"), "mine");
}

TEST_F(UnpackArchive, LinksLeadInside) {
  ASSERT_TRUE(unpack(TarBuilder()
                         .add_link('2', "root", "/")
                         .add_file("root/one", "1")
                         .add_link('2', "up", "../../..")
                         .add_file("up/two", "2")
                         .finish()));
  EXPECT_EQ(content_of("one"), "1");
  EXPECT_EQ(content_of("two"), "2");
}

TEST_F(UnpackArchive, DoesNotWriteThroughALink) {
  ASSERT_TRUE(
      unpack(TarBuilder().add_link('2', "x", temp_.at("canary")).add_file("x", "evil").finish()));
  EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(at("x"))));
}

TEST_F(UnpackArchive, RefusesParentsThatAreNoDirectory) {
  EXPECT_EQ(reason_of(TarBuilder().add_file("f").add_file("f/x").finish()),
            "ENTRY_PARENT_NOT_DIRECTORY");
  EXPECT_EQ(reason_of(TarBuilder().add_link('2', "l", "nowhere").add_file("l/x").finish()),
            "ENTRY_PARENT_NOT_DIRECTORY");
}

TEST_F(UnpackArchive, RefusesHardLinksToWhatIsNotThere) {
  EXPECT_EQ(reason_of(TarBuilder().add_link('1', "x", temp_.at("canary")).finish()),
            "ENTRY_LINK_INVALID");
  EXPECT_EQ(reason_of(TarBuilder().add_link('1', "x", "/").finish()), "ENTRY_LINK_INVALID");
}

TEST_F(UnpackArchive, LaterEntriesReplaceEarlierOnes) {
  ASSERT_TRUE(unpack(TarBuilder()
                         .add_file("d/x/y")
                         .add_file("d", "a file now")
                         .add_file("same", "1")
                         .add_link('1', "same", "same")
                         .add_file("old", "1")
                         .add_link('1', "kept", "old")
                         .add_file("old", "2")
                         .finish()));
  EXPECT_EQ(content_of("d"), "a file now");
  EXPECT_EQ(content_of("same"), "1");
  EXPECT_EQ(content_of("kept"), "1");
  EXPECT_EQ(content_of("old"), "2");
}

TEST_F(UnpackArchive, RefusesForeignAttributes) {
  for (const std::string name : {"trusted.overlay.opaque", "security.selinux", "user."}) {
    const auto archive = TarBuilder().add_pax("SCHILY.xattr." + name, "y").add_file("x").finish();
    const auto unpacked = unpack(archive);
    ASSERT_FALSE(unpacked) << name;
    EXPECT_EQ(unpacked.error().reason(), "ENTRY_XATTR_REFUSED");
    EXPECT_EQ(unpacked.error().object(), "x");
  }
}

TEST_F(UnpackArchive, RefusesLongNames) {
  const std::string name(5000, 'n');
  EXPECT_EQ(reason_of(TarBuilder().add_pax("path", name).add_file("x").finish()),
            "ENTRY_NAME_INVALID");
}

TEST_F(UnpackArchive, RefusesTheWhiteoutDevice) {
  EXPECT_EQ(
      reason_of(TarBuilder().add({.name = "w", .type = '3', .content = {}, .link = {}}).finish()),
      "ENTRY_TYPE_REFUSED");
}

TEST_F(UnpackArchive, RefusesBadOwners) {
  const auto archive = TarBuilder().add_pax("uid", "4294967295").add_file("x").finish();
  EXPECT_EQ(reason_of(archive), "ENTRY_OWNER_INVALID");
}

TEST_F(UnpackArchive, KeepsToItsLimits) {
  const auto archive = TarBuilder().add_file("a").add_file("b").finish();
  EXPECT_EQ(reason_of(archive, {.max_entries = 1}), "ARCHIVE_TOO_MANY_ENTRIES");
  EXPECT_EQ(reason_of(archive, {.max_bytes = Bytes(1)}), "ARCHIVE_TOO_LARGE");
  EXPECT_EQ(reason_of(TarBuilder().add_file("1/2/3/4/5/6").finish(), {.max_entries = 4}),
            "ARCHIVE_TOO_MANY_ENTRIES");
}

TEST_F(UnpackArchive, RefusesASizeBeforeItWritesAnything) {
  const auto archive =
      TarBuilder().add_header({.name = "huge", .content = {}, .link = {}}, 1ULL << 32U).bytes();
  EXPECT_EQ(reason_of(archive, {.max_bytes = Bytes(1024)}), "ARCHIVE_TOO_LARGE");
  EXPECT_FALSE(fs::exists(at("huge")));
}

TEST_F(UnpackArchive, TellsGarbageFromBrokenArchives) {
  for (const std::string garbage : {"", "x", "hello, world"})
    EXPECT_EQ(reason_of(garbage), "ARCHIVE_FORMAT_UNKNOWN");
  EXPECT_EQ(reason_of(std::string(5000, 'g')), "ARCHIVE_FORMAT_UNKNOWN");
  const auto archive = TarBuilder().add_file("a", std::string(5000, 'a')).finish();
  EXPECT_EQ(reason_of(archive.substr(0, 2000)), "ARCHIVE_CORRUPT");
  const auto compressed = gzip(archive);
  EXPECT_EQ(reason_of(compressed.substr(0, compressed.size() - 4)), "ARCHIVE_CORRUPT");
}

TEST_F(UnpackArchive, RefusesCompressionInsideCompression) {
  EXPECT_EQ(reason_of(gzip(gzip(TarBuilder().add_file("a").finish()))), "ARCHIVE_FORMAT_UNKNOWN");
}

}  // namespace
}  // namespace skerry::unpack
