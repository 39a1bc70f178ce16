// A host of a test's own: a network namespace this process moves to, with the namespaces of
// containers and of another host beside it, and the runtime that is tested on it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/unique_fd.h"
#include "cni/runtime.h"
#include "os/cgroup/cgroup.h"
#include "tests/unit/cni/temp_dir.h"

namespace skerry::cni::test {

/// A network namespace with its loopback up, gone with the object.
class Netns final {
 public:
  Netns();
  /// Good in this process and its children while the object lives.
  std::string path() const;
  int fd() const { return fd_.get(); }
  /// Runs the work in a thread inside.
  void in(const std::function<void()>& work) const;

 private:
  UniqueFd fd_;
};

/// Runs a program and returns its output; fails the test when it fails.
std::string tool(const std::vector<std::string>& words);

/// A TCP listener in the namespace, on all addresses.
class Listener final {
 public:
  Listener(const Netns* netns, std::uint16_t port);
  /// A connection made from `from` (null: the host) to `address` arrives here.
  bool answers(const Netns* from, const std::string& address, std::uint16_t port) const;

 private:
  UniqueFd fd_;
};

class HostTest : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  /// The generated default network on `subnet`.
  NetworkList default_network(const std::string& subnet) const;
  /// One of the plugin that misbehaves.
  NetworkList faulty_network(const std::string& mode) const;
  Attachment attachment(const NetworkList& list, const Netns& netns) const;
  CallOptions call(std::chrono::milliseconds deadline = std::chrono::seconds(30));

  Result<AttachResult> attach(const NetworkList& list, const Attachment& attachment) {
    return runtime_->attach(list, attachment, call());
  }
  Result<> detach(const Attachment& attachment) {
    return runtime_->detach(nullptr, attachment, call());
  }

  /// No group of an operation is left.
  void expect_no_operation() const;
  /// No trace of the container in the packet filter's tables, the leases and the cache.
  void expect_no_trace(const NetworkList& list, const std::string& container) const;
  /// The calls the faulty plugin noted, such as "ADD c1\nDEL c1\n".
  std::string faulty_calls() const;

  std::unique_ptr<TempDir> dir_;
  UniqueFd cache_dir_;
  std::unique_ptr<os::CgroupManager> cgroups_;
  std::string scope_;
  std::unique_ptr<PluginRunner> runner_;
  std::unique_ptr<Runtime> runtime_;

 private:
  int operations_ = 0;
};

}  // namespace skerry::cni::test
