#include "os/cgroup/v1/manager.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <mutex>
#include <set>

#include <fmt/format.h>

#include "os/cgroup/tree.h"
#include "os/cgroup/v1/group.h"
#include "os/path.h"
#include "os/proc_files.h"

namespace skerry::os::cgroup_v1 {
namespace {

constexpr std::string_view kExecPrefix = "x-";

class Manager final : public CgroupManager {
 public:
  explicit Manager(Layout layout);

  CgroupMode mode() const override {
    return layout_.unified ? CgroupMode::kHybrid : CgroupMode::kV1;
  }
  const std::vector<std::string>& controllers() const override { return controllers_; }
  Result<> make_branch(const CgroupPath& path) override;
  Result<std::unique_ptr<Cgroup>> make_leaf(const CgroupPath& path) override;
  Result<std::unique_ptr<Cgroup>> create(const CgroupPath& path) override;
  Result<std::unique_ptr<Cgroup>> make_exec_leaf(const CgroupPath& container,
                                                 const std::string& name) override;
  Result<std::unique_ptr<Cgroup>> open(const CgroupPath& path) override;
  Result<> remove(const CgroupPath& path) override;
  Result<std::vector<std::string>> children(const CgroupPath& path) const override;
  Result<> attach(const CgroupPath& path, pid_t pid) override;

 private:
  Result<> each_root(const std::function<Result<>(int root)>& action) const;
  Result<GroupDirs> open_dirs(const CgroupPath& path) const;
  /// Of the tree that kills and freezes. Only there an exec has a group of its own; everywhere else
  /// it is the container.
  Result<UniqueFd*> killing_dir(GroupDirs& dirs) const;
  std::unique_ptr<Cgroup> wrap(const CgroupPath& path, GroupDirs dirs, GroupKind kind) const {
    return std::make_unique<Group>(path, layout_, std::move(dirs), kind);
  }
  Result<> make_in_all(const CgroupPath& path, std::vector<int>& made);
  /// Makes the cpuset of `path`, which exists, able to take processes.
  Result<> prepare_cpuset(const CgroupPath& path);
  bool inherits_cpuset(const CgroupPath& path);
  /// Forgets branches at or above `path` that somebody else removed: made anew, they inherit
  /// nothing.
  void forget_removed(const CgroupPath& path);

  Layout layout_;
  std::vector<std::string> controllers_;
  std::mutex mutex_;
  /// Branches whose cpuset the kernel copies to what is made below. Guarded by mutex_.
  std::set<CgroupPath> inheriting_;
};

Manager::Manager(Layout layout) : layout_(std::move(layout)) {
  for (const auto& hierarchy : layout_.hierarchies) {
    for (const auto name : split(hierarchy.controllers, ',')) {
      if (name.starts_with("name=")) continue;
      controllers_.emplace_back(name == "blkio" ? "io" : name);
    }
  }
}

Result<> Manager::each_root(const std::function<Result<>(int root)>& action) const {
  if (layout_.unified) TRY(action(layout_.unified.get()));
  for (const auto& hierarchy : layout_.hierarchies) {
    auto done = action(hierarchy.root.get());
    if (!done) return std::move(done).error().wrap(hierarchy.controllers);
  }
  return {};
}

Result<GroupDirs> Manager::open_dirs(const CgroupPath& path) const {
  GroupDirs dirs;
  dirs.dirs.reserve(layout_.hierarchies.size());
  for (const auto& hierarchy : layout_.hierarchies) {
    TRY_ASSIGN(auto dir, open_group(hierarchy.root.get(), path));
    dirs.dirs.push_back(std::move(dir));
  }
  if (layout_.unified) {
    TRY_ASSIGN(dirs.unified, open_group(layout_.unified.get(), path));
  }
  return dirs;
}

bool Manager::inherits_cpuset(const CgroupPath& path) {
  const std::scoped_lock lock(mutex_);
  for (auto above = parent_group(path); !above.empty(); above = parent_group(above)) {
    if (inheriting_.contains(above)) return true;
  }
  return false;
}

void Manager::forget_removed(const CgroupPath& path) {
  if (layout_.cpuset < 0) return;
  const int root = layout_.hierarchies[static_cast<std::size_t>(layout_.cpuset)].root.get();
  const std::scoped_lock lock(mutex_);
  std::erase_if(inheriting_, [&](const CgroupPath& branch) {
    if (branch != path && !path.starts_with(branch + "/")) return false;
    const auto dir = open_group(root, branch);
    return !dir && dir.error().code() == Code::kNotFound;
  });
}

Result<> Manager::prepare_cpuset(const CgroupPath& path) {
  if (layout_.cpuset < 0 || inherits_cpuset(path)) return {};
  const auto& root = layout_.hierarchies[static_cast<std::size_t>(layout_.cpuset)].root;
  const auto parent_path = parent_group(path);
  if (!parent_path.empty()) TRY(prepare_cpuset(parent_path));
  TRY_ASSIGN(const auto parent, open_group(root.get(), parent_path.empty() ? "." : parent_path));
  TRY_ASSIGN(const auto dir, open_group(root.get(), path));
  return fill_cpuset(parent.get(), dir.get());
}

Result<> Manager::make_branch(const CgroupPath& path) {
  TRY(check_cgroup_path(path));
  forget_removed(path);
  TRY(each_root([&](int root) { return make_groups(root, path); }));
  if (layout_.cpuset < 0 || inherits_cpuset(path)) return {};
  TRY(prepare_cpuset(path));
  const auto& root = layout_.hierarchies[static_cast<std::size_t>(layout_.cpuset)].root;
  TRY_ASSIGN(const auto dir, open_group(root.get(), path));
  TRY(inherit_cpuset_below(dir.get()));
  const std::scoped_lock lock(mutex_);
  inheriting_.insert(path);
  return {};
}

Result<std::unique_ptr<Cgroup>> Manager::make_leaf(const CgroupPath& path) {
  TRY(check_cgroup_path(path));
  forget_removed(path);
  TRY(each_root([&](int root) { return make_groups(root, path); }));
  TRY(prepare_cpuset(path));
  TRY_ASSIGN(auto dirs, open_dirs(path));
  return wrap(path, std::move(dirs), GroupKind::kFull);
}

Result<> Manager::make_in_all(const CgroupPath& path, std::vector<int>& made) {
  return each_root([&](int root) -> Result<> {
    auto group = make_group(root, path);
    // In a hierarchy where nobody made the parent it is made on the way.
    if (!group && group.error().code() == Code::kNotFound) {
      forget_removed(path);
      group = make_groups(root, path);
    }
    if (group) made.push_back(root);
    return group;
  });
}

Result<std::unique_ptr<Cgroup>> Manager::create(const CgroupPath& path) {
  TRY(check_cgroup_path(path));
  std::vector<int> made;
  auto result = [&]() -> Result<GroupDirs> {
    TRY(make_in_all(path, made));
    TRY(prepare_cpuset(path));
    return open_dirs(path);
  }();
  if (!result) {
    for (const int root : made) (void)remove_group(root, path);
    return std::move(result).error();
  }
  return wrap(path, std::move(*result), GroupKind::kFull);
}

Result<UniqueFd*> Manager::killing_dir(GroupDirs& dirs) const {
  if (layout_.unified) return &dirs.unified;
  if (layout_.freezer < 0)
    return Error(Code::kFailedPrecondition, "host has no freezer controller");
  return &dirs.dirs[static_cast<std::size_t>(layout_.freezer)];
}

Result<std::unique_ptr<Cgroup>> Manager::make_exec_leaf(const CgroupPath& container,
                                                        const std::string& name) {
  const auto leaf = std::string(kExecPrefix) + name;
  const auto path = container + "/" + leaf;
  TRY(check_cgroup_path(path));
  TRY_ASSIGN(auto dirs, open_dirs(container));
  TRY_ASSIGN(UniqueFd* const own, killing_dir(dirs));
  auto made = make_group(own->get(), leaf);
  if (!made && made.error().code() != Code::kAlreadyExists) return std::move(made).error();
  TRY_ASSIGN(*own, open_group(own->get(), leaf));
  return wrap(path, std::move(dirs), GroupKind::kExec);
}

Result<std::unique_ptr<Cgroup>> Manager::open(const CgroupPath& path) {
  TRY(check_cgroup_path(path));
  const auto container = parent_group(path);
  const auto name = container.empty() ? path : path.substr(container.size() + 1);
  if (!container.empty() && name.starts_with(kExecPrefix)) {
    TRY_ASSIGN(auto dirs, open_dirs(container));
    TRY_ASSIGN(UniqueFd* const own, killing_dir(dirs));
    TRY_ASSIGN(*own, open_group(own->get(), name));
    return wrap(path, std::move(dirs), GroupKind::kExec);
  }
  TRY_ASSIGN(auto dirs, open_dirs(path));
  return wrap(path, std::move(dirs), GroupKind::kFull);
}

Result<> Manager::remove(const CgroupPath& path) {
  TRY(check_cgroup_path(path));
  {
    const std::scoped_lock lock(mutex_);
    std::erase_if(inheriting_, [&](const CgroupPath& branch) {
      return branch == path || branch.starts_with(path + "/");
    });
  }
  return each_root([&](int root) { return remove_group(root, path); });
}

Result<std::vector<std::string>> Manager::children(const CgroupPath& path) const {
  TRY(check_cgroup_path(path));
  std::set<std::string> names;
  bool found = false;
  TRY(each_root([&](int root) -> Result<> {
    auto dir = open_group(root, path);
    if (!dir && dir.error().code() == Code::kNotFound) return {};
    if (!dir) return std::move(dir).error();
    found = true;
    TRY_ASSIGN(const auto below, child_groups(dir->get()));
    names.insert(below.begin(), below.end());
    return {};
  }));
  if (!found) return Error(Code::kNotFound, fmt::format("group \"{}\"", path));
  return std::vector<std::string>(names.begin(), names.end());
}

Result<> Manager::attach(const CgroupPath& path, pid_t pid) {
  TRY(check_cgroup_path(path));
  const auto file = path + "/cgroup.procs";
  const auto text = std::to_string(pid);
  return each_root([&](int root) { return write_value_at(root, file, text); });
}

}  // namespace

Result<std::unique_ptr<CgroupManager>> make_manager(const CgroupRoots& roots) {
  TRY_ASSIGN(auto layout, open_layout(roots));
  return std::make_unique<Manager>(std::move(layout));
}

}  // namespace skerry::os::cgroup_v1
