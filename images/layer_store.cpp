#include "images/layer_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/ids.h"
#include "os/directory.h"
#include "os/path.h"

namespace skerry::images {
namespace {

constexpr std::string_view kStagingPrefix = "tmp-";
constexpr std::string_view kGonePrefix = "tmp-gone-";
constexpr const char* kTree = "fs";
constexpr const char* kAbout = "about.json";
constexpr std::size_t kMaxAbout = 4096;

std::string write_about(const LayerInfo& info) {
  const nlohmann::json about = {{"version", 1},
                                {"bytes", info.size.value()},
                                {"entries", info.entries},
                                {"created_ns", info.created.time_since_epoch().count()}};
  return about.dump() + "\n";
}

std::uint64_t number_at(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number_unsigned()) return 0;
  return found->get<std::uint64_t>();
}

LayerInfo read_about(const ContentId& id, const std::string& text) {
  LayerInfo out{.content_id = id, .size = {}, .entries = 0, .created = {}};
  const auto about = nlohmann::json::parse(text, nullptr, false);
  if (!about.is_object()) return out;
  out.size = Bytes(number_at(about, "bytes"));
  out.entries = number_at(about, "entries");
  out.created =
      WallTime(std::chrono::nanoseconds(static_cast<std::int64_t>(number_at(about, "created_ns"))));
  return out;
}

}  // namespace

Result<LayerStore> LayerStore::open(int state_dir) {
  if (::mkdirat(state_dir, "layers", 0700) != 0 && errno != EEXIST)
    return Error::from_errno(errno, "make directory \"layers\"");
  TRY_ASSIGN(UniqueFd layers, os::open_dir_at(state_dir, "layers"));
  // Whatever made it: nobody but root walks in.
  if (::fchmod(layers.get(), 0700) != 0)
    return Error::from_errno(errno, "change mode of \"layers\"");
  return LayerStore(std::move(layers));
}

Result<std::string> LayerStore::make_staging() const {
  std::string name = fmt::format("{}{}", kStagingPrefix, random_hex(16));
  if (::mkdirat(layers_.get(), name.c_str(), 0700) != 0)
    return Error::from_errno(errno, "make staging directory");
  const std::string tree = name + "/" + kTree;
  if (::mkdirat(layers_.get(), tree.c_str(), 0755) != 0)
    return Error::from_errno(errno, "make staging directory");
  return name;
}

Result<LayerInfo> LayerStore::fill(const std::string& directory,
                                   Unpacker& unpacker,
                                   UnpackJob job,
                                   const Clock& clock) const {
  TRY_ASSIGN(const UniqueFd staging, os::open_dir_at(layers_.get(), directory));
  TRY_ASSIGN(const UniqueFd tree, os::open_dir_at(staging.get(), kTree));
  // The daemon's umask is not the tree's business.
  if (::fchmod(tree.get(), 0755) != 0) return Error::from_errno(errno, "change mode of the tree");
  job.destination = tree.get();
  TRY_ASSIGN(const UnpackReport report, unpacker.unpack(job));
  const LayerInfo info{.content_id = report.content_id,
                       .size = report.size,
                       .entries = report.entries,
                       .created = clock.wall()};
  TRY(os::write_file_atomic(staging.get(), kAbout, write_about(info), 0600));
  return info;
}

Result<StagedLayer> LayerStore::stage(Unpacker& unpacker, UnpackJob job, const Clock& clock) const {
  TRY_ASSIGN(const std::string directory, make_staging());
  auto info = fill(directory, unpacker, job, clock);
  if (info) return StagedLayer{directory, *info};
  // The import's own error is what the caller needs; what cannot be deleted now is swept at start.
  static_cast<void>(os::remove_tree(layers_.get(), directory));
  return std::move(info).error();
}

Result<bool> LayerStore::commit(const StagedLayer& staged) const {
  const std::string& name = staged.info.content_id.hex();
  if (::renameat2(
          layers_.get(), staged.directory.c_str(), layers_.get(), name.c_str(), RENAME_NOREPLACE) ==
      0)
    return true;
  if (errno != EEXIST) return Error::from_errno(errno, fmt::format("name tree \"{}\"", name));
  TRY(discard(staged));
  return false;
}

Result<> LayerStore::discard(const StagedLayer& staged) const { return move_out(staged.directory); }

Result<> LayerStore::retire(const ContentId& id) const { return move_out(id.hex()); }

Result<> LayerStore::move_out(const std::string& directory) const {
  const std::string gone = fmt::format("{}{}", kGonePrefix, random_hex(16));
  if (::renameat2(
          layers_.get(), directory.c_str(), layers_.get(), gone.c_str(), RENAME_NOREPLACE) != 0 &&
      errno != ENOENT)
    return Error::from_errno(errno, fmt::format("retire tree \"{}\"", directory));
  return {};
}

Result<> LayerStore::settle() const {
  if (::fsync(layers_.get()) != 0) return Error::from_errno(errno, "write \"layers\" to disk");
  TRY_ASSIGN(const auto all, names());
  for (const std::string& name : all) {
    if (!name.starts_with(kGonePrefix)) continue;
    // Two workers that settle at a time must not delete one tree together: who renames it has it.
    const std::string mine = fmt::format("{}{}", kGonePrefix, random_hex(16));
    if (::renameat2(layers_.get(), name.c_str(), layers_.get(), mine.c_str(), RENAME_NOREPLACE) !=
        0) {
      if (errno == ENOENT) continue;
      return Error::from_errno(errno, fmt::format("claim tree \"{}\"", name));
    }
    TRY(os::remove_tree(layers_.get(), mine));
  }
  return {};
}

Result<std::size_t> LayerStore::sweep() const {
  TRY_ASSIGN(const auto all, names());
  std::size_t swept = 0;
  for (const std::string& name : all) {
    if (!name.starts_with(kStagingPrefix)) continue;
    TRY(os::remove_tree(layers_.get(), name));
    ++swept;
  }
  return swept;
}

Result<std::vector<LayerInfo>> LayerStore::list() const {
  TRY_ASSIGN(const auto all, names());
  std::vector<LayerInfo> out;
  for (const std::string& name : all) {
    const auto id = ContentId::parse(name);
    if (!id || id->hex() != name) continue;
    const auto about = os::read_file_at(layers_.get(), name + "/" + kAbout, kMaxAbout);
    out.push_back(read_about(*id, about ? *about : std::string()));
  }
  return out;
}

Result<UniqueFd> LayerStore::open_tree(const ContentId& id) const {
  auto tree =
      os::open_beneath(layers_.get(), id.hex() + "/" + kTree, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  if (tree || tree.error().sys_errno() != ENOENT) return tree;
  return Error(Code::kNotFound, fmt::format("image \"{}\" has no tree", id.hex()))
      .with_reason("IMAGE_NOT_FOUND");
}

Result<std::vector<std::string>> LayerStore::names() const {
  auto names = os::list_directory(layers_.get());
  if (!names) return std::move(names).error().wrap("list \"layers\"");
  return names;
}

}  // namespace skerry::images
