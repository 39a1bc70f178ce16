#include "os/cgroup/v2/manager.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "os/cgroup/tree.h"
#include "os/cgroup/v2/group.h"
#include "os/path.h"
#include "os/proc_files.h"

namespace skerry::os::cgroup_v2 {
namespace {

constexpr const char* kMain = "main";

Result<std::string> read_controllers(int dir) {
  return read_file_at(dir, "cgroup.controllers", 4096);
}

/// Views into `text`, which must live as long.
std::vector<std::string_view> first_line_words(std::string_view text) {
  return split(text.substr(0, text.find('\n')), ' ');
}

// All at once; if one of them cannot be had (a tree with real-time processes has no cpu), one by
// one, and what limits are set with must be there.
Result<> enable_controllers(int dir) {
  TRY_ASSIGN(const auto text, read_controllers(dir));
  const auto names = first_line_words(text);
  if (names.empty()) return {};
  if (write_value_at(dir, "cgroup.subtree_control", fmt::format("+{}", fmt::join(names, " +"))))
    return {};
  for (const auto name : names) {
    auto enabled = write_value_at(dir, "cgroup.subtree_control", fmt::format("+{}", name));
    const bool is_needed = name == "cpu" || name == "memory" || name == "pids";
    if (!enabled && is_needed) return enabled;
  }
  return {};
}

class Manager final : public CgroupManager {
 public:
  Manager(UniqueFd root, std::vector<std::string> controllers)
      : root_(std::move(root)), controllers_(std::move(controllers)) {}

  CgroupMode mode() const override { return CgroupMode::kV2; }
  const std::vector<std::string>& controllers() const override { return controllers_; }

  Result<> make_branch(const CgroupPath& path) override {
    TRY(check_cgroup_path(path));
    TRY(make_groups(root_.get(), path));
    // From the top down: a group can only pass on what it was given.
    TRY(enable_controllers(root_.get()));
    for (std::size_t end = 0; end != std::string::npos;) {
      end = path.find('/', end + 1);
      TRY_ASSIGN(const auto dir, open_group(root_.get(), path.substr(0, end)));
      TRY(enable_controllers(dir.get()));
    }
    return {};
  }

  Result<std::unique_ptr<Cgroup>> make_leaf(const CgroupPath& path) override {
    TRY(check_cgroup_path(path));
    TRY(make_groups(root_.get(), path));
    TRY_ASSIGN(auto dir, open_group(root_.get(), path));
    return std::make_unique<Group>(path, std::move(dir), UniqueFd());
  }

  Result<std::unique_ptr<Cgroup>> create(const CgroupPath& path) override {
    TRY(check_cgroup_path(path));
    TRY(make_group(root_.get(), path));
    auto group = make_main_leaf(path);
    if (!group) (void)remove_group(root_.get(), path);
    return group;
  }

  Result<std::unique_ptr<Cgroup>> make_exec_leaf(const CgroupPath& container,
                                                 const std::string& name) override {
    const auto path = container + "/x-" + name;
    TRY(check_cgroup_path(path));
    auto made = make_group(root_.get(), path);
    if (!made && made.error().code() != Code::kAlreadyExists) return std::move(made).error();
    TRY_ASSIGN(auto dir, open_group(root_.get(), path));
    return std::make_unique<Group>(path, std::move(dir), UniqueFd());
  }

  Result<std::unique_ptr<Cgroup>> open(const CgroupPath& path) override {
    TRY(check_cgroup_path(path));
    TRY_ASSIGN(auto dir, open_group(root_.get(), path));
    auto leaf = open_group(dir.get(), kMain);
    if (!leaf && leaf.error().code() != Code::kNotFound) return std::move(leaf).error();
    return std::make_unique<Group>(path, std::move(dir), leaf ? std::move(*leaf) : UniqueFd());
  }

  Result<> remove(const CgroupPath& path) override {
    TRY(check_cgroup_path(path));
    // Nearly always the leaf is all there is below: no need to list.
    ::unlinkat(root_.get(), (path + "/" + kMain).c_str(), AT_REMOVEDIR);
    return remove_group(root_.get(), path);
  }

  Result<std::vector<std::string>> children(const CgroupPath& path) const override {
    TRY(check_cgroup_path(path));
    TRY_ASSIGN(const auto dir, open_group(root_.get(), path));
    TRY_ASSIGN(auto names, child_groups(dir.get()));
    std::ranges::sort(names);
    return names;
  }

  Result<> attach(const CgroupPath& path, pid_t pid) override {
    TRY(check_cgroup_path(path));
    return write_value_at(root_.get(), path + "/cgroup.procs", std::to_string(pid));
  }

 private:
  Result<std::unique_ptr<Cgroup>> make_main_leaf(const CgroupPath& path) {
    TRY_ASSIGN(auto dir, open_group(root_.get(), path));
    TRY(make_group(dir.get(), kMain));
    TRY_ASSIGN(auto leaf, open_group(dir.get(), kMain));
    return std::make_unique<Group>(path, std::move(dir), std::move(leaf));
  }

  UniqueFd root_;
  std::vector<std::string> controllers_;
};

}  // namespace

Result<std::unique_ptr<CgroupManager>> make_manager(const CgroupRoots& roots) {
  TRY_ASSIGN(auto root, open_dir(roots.unified));
  TRY_ASSIGN(const auto text, read_controllers(root.get()));
  std::vector<std::string> controllers;
  for (const auto name : first_line_words(text)) controllers.emplace_back(name);
  // No controller by name: the program hangs on any group.
  controllers.emplace_back("devices");
  return std::make_unique<Manager>(std::move(root), std::move(controllers));
}

}  // namespace skerry::os::cgroup_v2
