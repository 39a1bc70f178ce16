#include "tests/conformance/cgroup/fixture.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>

#include "os/path.h"
#include "os/proc_files.h"
#include "os/syscalls.h"
#include "tests/conformance/privileged.h"

namespace skerry::os::test {

int sleep_forever() {
  while (true) ::pause();
}

GroupProcess::GroupProcess(const CgroupJoin& join, const std::function<int()>& body) {
  int ready[2];
  EXPECT_EQ(::pipe2(ready, O_CLOEXEC), 0);
  int pidfd = -1;
  sys::CloneArgs args;
  args.flags = CLONE_PIDFD;
  args.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
  args.exit_signal = SIGCHLD;
  if (join.clone_into) {
    args.flags |= sys::kCloneIntoCgroup;
    args.cgroup = static_cast<std::uint64_t>(join.clone_into.get());
  }
  pid_ = sys::clone3(args);
  if (pid_ == 0) {
    for (const auto& tasks : join.tasks) {
      if (::write(tasks.get(), "0", 1) != 1) ::_exit(99);
    }
    if (::write(ready[1], "r", 1) != 1) ::_exit(98);
    ::_exit(body());
  }
  EXPECT_GT(pid_, 0) << errno;
  pidfd_.reset(pidfd);
  const UniqueFd read_end(ready[0]);
  UniqueFd(ready[1]).reset();
  char byte = 0;
  EXPECT_EQ(::read(read_end.get(), &byte, 1), 1) << "child could not join";
}

GroupProcess::~GroupProcess() {
  if (reaped_) return;
  (void)send_signal(pidfd_.get(), SIGKILL);
  (void)wait_and_reap(pidfd_.get());
}

ExitStatus GroupProcess::wait() {
  const auto status = wait_and_reap(pidfd_.get());
  EXPECT_TRUE(status) << status.error().message();
  reaped_ = true;
  return status ? *status : ExitStatus{};
}

void CgroupTest::SetUp() {
  SKERRY_REQUIRE(::geteuid() == 0, "needs root");
  const auto roots = find_cgroup_roots();
  ASSERT_TRUE(roots) << roots.error().message();
  roots_ = *roots;
  // A host that has only one kind of tree runs that kind and skips the other: not a failure.
  if (GetParam() == Trees::kV1) {
    if (roots_.hierarchies.empty()) GTEST_SKIP() << "no v1 hierarchies here";
    roots_.unified.clear();
    roots_.mode = CgroupMode::kV1;
  } else if (GetParam() == Trees::kV2) {
    if (roots_.unified.empty()) GTEST_SKIP() << "no cgroup2 tree here";
    roots_.hierarchies.clear();
    roots_.mode = CgroupMode::kV2;
  }
  auto manager = make_cgroup_manager(roots_);
  ASSERT_TRUE(manager) << manager.error().message();
  manager_ = std::move(*manager);
  scope_ = "skerry-test-" + random_hex(6) + ".scope";
  const auto made = manager_->make_branch(scope_);
  ASSERT_TRUE(made) << made.error().message();
}

void CgroupTest::TearDown() {
  if (!manager_) return;
  const auto removed = manager_->remove(scope_);
  EXPECT_TRUE(removed) << removed.error().message();
  for (const auto& [name, mount_point] : roots_.hierarchies)
    EXPECT_FALSE(std::filesystem::exists(mount_point + "/" + scope_)) << name;
  EXPECT_FALSE(std::filesystem::exists(roots_.unified + "/" + scope_));
}

bool CgroupTest::has(std::string_view controller) const {
  return std::ranges::find(manager_->controllers(), controller) != manager_->controllers().end();
}

std::unique_ptr<Cgroup> CgroupTest::create(const std::string& name) const {
  auto group = manager_->create(path_of(name));
  EXPECT_TRUE(group) << group.error().message();
  return group ? std::move(*group) : nullptr;
}

std::string CgroupTest::value(const std::string& controller,
                              const std::string& group,
                              const std::string& file) const {
  std::string root = roots_.unified;
  for (const auto& [names, mount_point] : roots_.hierarchies) {
    const auto parts = split(names, ',');
    if (std::ranges::find(parts, controller) != parts.end()) root = mount_point;
  }
  auto text = read_file(root + "/" + path_of(group) + "/" + file, 4096);
  EXPECT_TRUE(text) << text.error().message();
  if (!text) return {};
  while (text->ends_with('\n')) text->pop_back();
  return *text;
}

}  // namespace skerry::os::test
