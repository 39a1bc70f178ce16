// What the CgroupManager suite runs on: a scope of its own in the real trees, and processes in it.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "base/ids.h"
#include "os/cgroup/cgroup.h"
#include "os/pidfd.h"

namespace skerry::os::test {

/// The trees a suite runs on: what the host has; its v1 hierarchies alone; its cgroup2 tree alone,
/// which on a hybrid host has no controllers.
enum class Trees : std::uint8_t { kHost, kV1, kV2 };

/// A child in a group that runs `body`, then exits with what it returns; killed and reaped at the
/// end of its life. Stands in for the launcher: cloned into v2, writes "0" to the tasks of v1.
class GroupProcess final {
 public:
  GroupProcess(const CgroupJoin& join, const std::function<int()>& body);
  GroupProcess(const GroupProcess&) = delete;
  GroupProcess& operator=(const GroupProcess&) = delete;
  ~GroupProcess();

  pid_t pid() const { return pid_; }
  int pidfd() const { return pidfd_.get(); }
  ExitStatus wait();

 private:
  pid_t pid_ = -1;
  UniqueFd pidfd_;
  bool reaped_ = false;
};

/// Returns only through a signal.
int sleep_forever();

class CgroupTest : public ::testing::TestWithParam<Trees> {
 protected:
  void SetUp() override;
  void TearDown() override;

  bool has(std::string_view controller) const;
  /// A container's group in the scope.
  std::unique_ptr<Cgroup> create(const std::string& name) const;
  std::string path_of(const std::string& name) const { return scope_ + "/" + name; }
  /// The text of a control file of the group, in the v1 hierarchy of `controller` or in v2.
  std::string value(const std::string& controller,
                    const std::string& group,
                    const std::string& file) const;

  CgroupRoots roots_;
  std::unique_ptr<CgroupManager> manager_;
  std::string scope_;
};

}  // namespace skerry::os::test
