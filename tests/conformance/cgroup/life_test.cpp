// Making, joining, killing, freezing, removing.
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>

#include "os/path.h"
#include "os/proc_files.h"
#include "os/socket.h"
#include "os/spawn.h"
#include "tests/conformance/cgroup/fixture.h"

namespace skerry::os::test {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kSoon{5000};

INSTANTIATE_TEST_SUITE_P(On,
                         CgroupTest,
                         ::testing::Values(Trees::kHost, Trees::kV1, Trees::kV2),
                         [](const auto& trees) {
                           if (trees.param == Trees::kHost) return "Host";
                           return trees.param == Trees::kV1 ? "V1" : "V2";
                         });

TEST_P(CgroupTest, CreatesOpensAndRemoves) {
  const auto group = create("a");
  ASSERT_TRUE(group);
  EXPECT_EQ(group->path(), path_of("a"));
  EXPECT_FALSE(*group->populated());
  EXPECT_TRUE(manager_->open(path_of("a")));
  ASSERT_TRUE(manager_->remove(path_of("a")));
  EXPECT_EQ(manager_->open(path_of("a")).error().code(), Code::kNotFound);
  EXPECT_TRUE(manager_->remove(path_of("a"))) << "removing what is gone is fine";
}

TEST_P(CgroupTest, RefusesToCreateTwice) {
  const auto group = create("a");
  const auto again = manager_->create(path_of("a"));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), Code::kAlreadyExists);
  EXPECT_TRUE(manager_->open(path_of("a"))) << "the first one is untouched";
}

TEST_P(CgroupTest, RefusesPathsThatAreNone) {
  for (const auto* path : {"", "/a", "a/", "a//b", "..", "a/../b", "a/.", "a\nb"}) {
    EXPECT_EQ(manager_->create(path).error().code(), Code::kInvalidArgument) << path;
    EXPECT_EQ(manager_->remove(path).error().code(), Code::kInvalidArgument) << path;
    EXPECT_EQ(manager_->make_branch(path).error().code(), Code::kInvalidArgument) << path;
  }
}

TEST_P(CgroupTest, UndoesAHalfMadeGroup) {
  if (roots_.hierarchies.empty()) return;  // One tree cannot be half made.
  const auto& last = roots_.hierarchies.back().second;
  const auto& first = roots_.hierarchies.front().second;
  std::filesystem::create_directory(last + "/" + path_of("a"));
  EXPECT_EQ(manager_->create(path_of("a")).error().code(), Code::kAlreadyExists);
  EXPECT_FALSE(std::filesystem::exists(first + "/" + path_of("a")));
  EXPECT_TRUE(std::filesystem::exists(last + "/" + path_of("a"))) << "not ours to undo";
}

TEST_P(CgroupTest, JoinReachesEveryTree) {
  const auto group = create("a");
  const auto join = group->join();
  ASSERT_TRUE(join) << join.error().message();
  EXPECT_EQ(join->tasks.size(), roots_.hierarchies.size());
  EXPECT_EQ(static_cast<bool>(join->clone_into), !roots_.unified.empty());
  const GroupProcess process(*join, sleep_forever);
  const auto text = read_file("/proc/" + std::to_string(process.pid()) + "/cgroup", 65536);
  ASSERT_TRUE(text);
  std::size_t inside = 0;
  for (const auto line : split(*text, '\n')) {
    if (line.find("/" + path_of("a")) != std::string_view::npos) ++inside;
  }
  EXPECT_EQ(inside, roots_.hierarchies.size() + (roots_.unified.empty() ? 0U : 1U)) << *text;
  EXPECT_EQ(*group->processes(), std::vector<pid_t>{process.pid()});
  EXPECT_TRUE(*group->populated());
}

TEST_P(CgroupTest, KillEmptiesTheGroup) {
  const auto group = create("a");
  const auto join = group->join();
  ASSERT_TRUE(join);
  GroupProcess first(*join, sleep_forever);
  GroupProcess second(*join, [] {
    ::signal(SIGTERM, SIG_IGN);
    return sleep_forever();
  });
  EXPECT_EQ(group->processes()->size(), 2U);
  ASSERT_TRUE(group->kill());
  EXPECT_EQ(first.wait().signal, SIGKILL);
  EXPECT_EQ(second.wait().signal, SIGKILL);
  const auto emptied = group->wait_empty(kSoon);
  EXPECT_TRUE(emptied) << emptied.error().message();
  EXPECT_FALSE(*group->populated());
  EXPECT_TRUE(group->kill()) << "killing nobody is fine";
}

TEST_P(CgroupTest, RemoveIsRefusedWhileAProcessIsThere) {
  const auto group = create("a");
  const auto join = group->join();
  ASSERT_TRUE(join);
  const GroupProcess process(*join, sleep_forever);
  EXPECT_EQ(manager_->remove(path_of("a")).error().code(), Code::kFailedPrecondition);
}

TEST_P(CgroupTest, WaitEmptyNamesWhoStays) {
  const auto group = create("a");
  const auto join = group->join();
  ASSERT_TRUE(join);
  const GroupProcess process(*join, sleep_forever);
  const auto emptied = group->wait_empty(milliseconds(10));
  ASSERT_FALSE(emptied);
  EXPECT_EQ(emptied.error().code(), Code::kDeadlineExceeded);
  EXPECT_NE(emptied.error().message().find(std::to_string(process.pid())), std::string::npos)
      << emptied.error().message();
}

TEST_P(CgroupTest, FreezeStopsAndThawGoesOn) {
  const auto group = create("a");
  const auto join = group->join();
  ASSERT_TRUE(join);
  const auto pair = make_socket_pair();
  ASSERT_TRUE(pair);
  const int theirs = pair->second.get();
  const GroupProcess echo(*join, [theirs] {
    while (true) {
      char byte = 0;
      if (::recv(theirs, &byte, 1, 0) != 1 || ::send(theirs, &byte, 1, 0) != 1) return 1;
    }
  });
  const auto answers = [&](milliseconds within) {
    pollfd entry{.fd = pair->first.get(), .events = POLLIN, .revents = 0};
    return ::poll(&entry, 1, static_cast<int>(within.count())) == 1;
  };
  const auto frozen = group->freeze();
  ASSERT_TRUE(frozen) << frozen.error().message();
  ASSERT_EQ(::send(pair->first.get(), "e", 1, 0), 1);
  EXPECT_FALSE(answers(milliseconds(30)));
  EXPECT_TRUE(group->freeze()) << "freezing again is fine";
  ASSERT_TRUE(group->thaw());
  EXPECT_TRUE(answers(kSoon));
}

TEST_P(CgroupTest, KillReachesFrozenProcesses) {
  const auto group = create("a");
  const auto join = group->join();
  ASSERT_TRUE(join);
  GroupProcess process(*join, sleep_forever);
  ASSERT_TRUE(group->freeze());
  ASSERT_TRUE(group->kill());
  EXPECT_EQ(process.wait().signal, SIGKILL);
  EXPECT_TRUE(group->wait_empty(kSoon));
}

TEST_P(CgroupTest, ExecLeafIsKilledByItself) {
  const auto group = create("a");
  auto leaf = manager_->make_exec_leaf(path_of("a"), "e1");
  ASSERT_TRUE(leaf) << leaf.error().message();
  EXPECT_EQ((*leaf)->path(), path_of("a/x-e1"));
  EXPECT_TRUE(manager_->make_exec_leaf(path_of("a"), "e1")) << "making it again is fine";
  const auto join = group->join();
  const auto exec_join = (*leaf)->join();
  ASSERT_TRUE(join);
  ASSERT_TRUE(exec_join) << exec_join.error().message();
  const GroupProcess container(*join, sleep_forever);
  GroupProcess exec(*exec_join, sleep_forever);
  EXPECT_EQ(*(*leaf)->processes(), std::vector<pid_t>{exec.pid()});
  EXPECT_EQ(group->processes()->size(), 2U);
  ASSERT_TRUE((*leaf)->kill());
  EXPECT_EQ(exec.wait().signal, SIGKILL);
  EXPECT_TRUE((*leaf)->wait_empty(kSoon));
  EXPECT_TRUE(*is_alive(container.pidfd()));
  EXPECT_EQ((*leaf)->set_memory({.limit = kMebibyte}).error().code(), Code::kFailedPrecondition);
  EXPECT_TRUE(manager_->remove(path_of("a/x-e1")));
}

TEST_P(CgroupTest, ExecLeafIsOpenedAgain) {
  const auto group = create("a");
  EXPECT_EQ(manager_->open(path_of("a/x-e1")).error().code(), Code::kNotFound);
  const auto made = manager_->make_exec_leaf(path_of("a"), "e1");
  ASSERT_TRUE(made) << made.error().message();
  const auto exec_join = (*made)->join();
  ASSERT_TRUE(exec_join) << exec_join.error().message();
  GroupProcess exec(*exec_join, sleep_forever);
  // As after a restart of the daemon.
  auto opened = manager_->open(path_of("a/x-e1"));
  ASSERT_TRUE(opened) << opened.error().message();
  EXPECT_EQ(*(*opened)->processes(), std::vector<pid_t>{exec.pid()});
  ASSERT_TRUE((*opened)->kill());
  EXPECT_EQ(exec.wait().signal, SIGKILL);
  EXPECT_TRUE(manager_->remove(path_of("a/x-e1")));
}

TEST_P(CgroupTest, ExecLeafGoesWithTheContainer) {
  const auto group = create("a");
  auto leaf = manager_->make_exec_leaf(path_of("a"), "e1");
  ASSERT_TRUE(leaf);
  EXPECT_TRUE(manager_->remove(path_of("a")));
  EXPECT_EQ(manager_->make_exec_leaf(path_of("a"), "e2").error().code(), Code::kNotFound);
  EXPECT_TRUE((*leaf)->kill()) << "what is gone has nobody to kill";
  EXPECT_FALSE(*(*leaf)->populated());
}

TEST_P(CgroupTest, PodHasALevelOfItsOwn) {
  ASSERT_TRUE(manager_->make_branch(path_of("pod")));
  const auto group = create("pod/a");
  const auto join = group->join();
  ASSERT_TRUE(join);
  const GroupProcess process(*join, sleep_forever);
  const auto pod = manager_->open(path_of("pod"));
  ASSERT_TRUE(pod);
  EXPECT_TRUE(*(*pod)->populated());
  ASSERT_TRUE((*pod)->kill());
  EXPECT_TRUE(group->wait_empty(kSoon));
}

TEST_P(CgroupTest, ListsChildrenOnce) {
  const auto second = create("b");
  const auto first = create("a");
  EXPECT_EQ(*manager_->children(scope_), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(manager_->children(path_of("none")).error().code(), Code::kNotFound);
}

TEST_P(CgroupTest, LeafTakesARunningProcess) {
  const auto group = create("a");
  const auto leaf = manager_->make_leaf(path_of("helpers/h1"));
  ASSERT_TRUE(leaf) << leaf.error().message();
  EXPECT_TRUE(manager_->make_leaf(path_of("helpers/h1")));
  const auto join = group->join();
  ASSERT_TRUE(join);
  const GroupProcess process(*join, sleep_forever);
  const auto attached = manager_->attach(path_of("helpers/h1"), process.pid());
  ASSERT_TRUE(attached) << attached.error().message();
  EXPECT_EQ(*(*leaf)->processes(), std::vector<pid_t>{process.pid()});
  EXPECT_FALSE(*group->populated());
}

TEST_P(CgroupTest, SpawnStartsAProgramInside) {
  const auto group = create("a");
  const auto join = group->join();
  ASSERT_TRUE(join);
  const auto output = run(
      {.program = "/bin/cat", .arguments = {"cat", "/proc/self/cgroup"}, .cgroup = &*join}, kSoon);
  ASSERT_TRUE(output) << output.error().message();
  std::size_t inside = 0;
  for (const auto line : split(output->out, '\n')) {
    if (line.find("/" + path_of("a")) != std::string_view::npos) ++inside;
  }
  EXPECT_EQ(inside, roots_.hierarchies.size() + (roots_.unified.empty() ? 0U : 1U)) << output->out;
}

TEST_P(CgroupTest, CreatesWithoutABranch) {
  // The parent was made by nobody: a cpuset of v1 would take no process.
  const auto path = path_of("plain/a");
  ASSERT_TRUE(manager_->make_leaf(path_of("plain")));
  const auto group = manager_->create(path);
  ASSERT_TRUE(group) << group.error().message();
  const auto join = (*group)->join();
  ASSERT_TRUE(join);
  const GroupProcess process(*join, sleep_forever);
  EXPECT_TRUE(*(*group)->populated());
}

}  // namespace
}  // namespace skerry::os::test
