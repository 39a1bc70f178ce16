#include "os/spawn.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "os/path.h"
#include "os/proc_files.h"
#include "temp_dir.h"

namespace skerry::os {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLong{20'000};

Command shell(const std::string& script) {
  return {.program = "/bin/sh",
          .arguments = {"sh", "-c", script},
          .environment = {"PATH=/usr/bin:/bin"}};
}

TEST(Run, GivesStatusAndOutput) {
  const auto output = run(shell("echo out; echo err >&2; exit 3"), kLong);
  ASSERT_TRUE(output) << output.error().message();
  EXPECT_EQ(output->status, ExitStatus{.code = 3});
  EXPECT_EQ(output->out, "out\n");
  EXPECT_EQ(output->error_text, "err\n");
  EXPECT_FALSE(output->truncated);
}

TEST(Run, TellsASignal) {
  const auto output = run(shell("kill -9 $$"), kLong);
  ASSERT_TRUE(output);
  EXPECT_EQ(output->status.signal, SIGKILL);
}

TEST(Run, PassesInputLargerThanAPipe) {
  const std::string input(1UL << 20U, 'i');
  const auto output = run(shell("wc -c"), kLong, {.input = input});
  ASSERT_TRUE(output) << output.error().message();
  EXPECT_EQ(parse_number(output->out), input.size());
}

TEST(Run, SurvivesAProgramThatDoesNotRead) {
  const auto output =
      run(shell("exec <&-; exit 0"), kLong, {.input = std::string(1UL << 20U, 'i')});
  ASSERT_TRUE(output) << output.error().message();
  EXPECT_EQ(output->status, ExitStatus{});
}

TEST(Run, KeepsOutputUpToTheCap) {
  const auto output = run(shell("head -c 300000 /dev/zero"), kLong, {.output_cap = Bytes{1000}});
  ASSERT_TRUE(output);
  EXPECT_EQ(output->status, ExitStatus{}) << "the program did not notice";
  EXPECT_EQ(output->out.size(), 1000U);
  EXPECT_TRUE(output->truncated);
}

TEST(Run, EndsAtTheDeadline) {
  const auto output = run(shell("trap '' TERM; while :; do :; done"), milliseconds(50));
  ASSERT_FALSE(output);
  EXPECT_EQ(output.error().code(), Code::kDeadlineExceeded);
}

TEST(Run, EndsAtTheDeadlineWhileOutputPoursIn) {
  const auto output = run(shell("exec cat /dev/zero"), milliseconds(50));
  ASSERT_FALSE(output);
  EXPECT_EQ(output.error().code(), Code::kDeadlineExceeded);
}

TEST(Run, KillsWhatTheProgramLeftInItsGroup) {
  const test::TempDir temp;
  // The descendant holds the pipe open and would hold up a reader that waits for its end.
  const auto output = run(shell("sleep 1000 & echo $!"), kLong);
  ASSERT_TRUE(output) << output.error().message();
  const auto pid = parse_number(output->out);
  ASSERT_TRUE(pid);
  const auto left = open_process(static_cast<pid_t>(*pid));
  if (left) {
    EXPECT_TRUE(wait_for_end(left->pidfd.get(), kLong));
  }
}

TEST(Spawn, SaysWhenTheProgramIsNotThere) {
  const auto process = spawn({.program = "/nonexistent/program", .arguments = {"program"}});
  ASSERT_FALSE(process);
  EXPECT_EQ(process.error().code(), Code::kNotFound);
  EXPECT_LT(::waitpid(-1, nullptr, WNOHANG), 0) << "nothing is left to reap";
}

TEST(Spawn, RefusesCommandsThatAreNone) {
  for (const Command& command :
       {Command{},
        Command{.program = "sh", .arguments = {"sh"}},
        Command{.program = "/bin/sh"},
        Command{.program = "/bin/sh", .arguments = {"sh"}, .fds = {{3, 0}, {3, 1}}}}) {
    EXPECT_EQ(spawn(command).error().code(), Code::kInvalidArgument);
  }
}

TEST(Spawn, GivesOnlyTheDescriptorsAskedFor) {
  const test::TempDir temp;
  temp.file("f", "through 5");
  // Not close-on-exec, as a careless library might leave it.
  const UniqueFd careless(::open(temp.at("f").c_str(), O_RDONLY));  // NOLINT(android-cloexec-open)
  const UniqueFd wanted(::open(temp.at("f").c_str(), O_RDONLY | O_CLOEXEC));
  auto command = shell(fmt::format(
      "cat <&9; test -e /proc/self/fd/{} && echo leaked; test -e /proc/self/fd/{} && echo leaked",
      careless.get(),
      wanted.get()));
  command.fds = {{9, wanted.get()}};
  const auto output = run(command, kLong);
  ASSERT_TRUE(output) << output.error().message();
  EXPECT_EQ(output->out, "through 5");
}

TEST(Spawn, SwapsDescriptors) {
  const test::TempDir temp;
  temp.file("a", "a");
  temp.file("b", "b");
  const UniqueFd a(::open(temp.at("a").c_str(), O_RDONLY | O_CLOEXEC));
  const UniqueFd b(::open(temp.at("b").c_str(), O_RDONLY | O_CLOEXEC));
  auto command = shell(fmt::format("cat /proc/self/fd/{} /proc/self/fd/{}", a.get(), b.get()));
  command.fds = {{a.get(), b.get()}, {b.get(), a.get()}};
  const auto output = run(command, kLong);
  ASSERT_TRUE(output) << output.error().message();
  EXPECT_EQ(output->out, "ba");
}

TEST(Spawn, StartsInAGroupDirectoryAndEnvironmentOfItsOwn) {
  auto command = shell("pwd; echo $X; cat /proc/self/stat");
  command.directory = "/usr";
  command.environment.emplace_back("X=1");
  const auto output = run(command, kLong);
  ASSERT_TRUE(output);
  EXPECT_TRUE(output->out.starts_with("/usr\n1\n"));
  const auto fields = split(output->out, ' ');
  EXPECT_NE(parse_number(fields.at(4)), static_cast<std::uint64_t>(::getpgrp()));
}

TEST(Spawn, ResetsSignals) {
  ::signal(SIGUSR1, SIG_IGN);
  sigset_t blocked;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGUSR2);
  ::pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
  const auto output = run(shell("grep -E 'Sig(Blk|Ign)' /proc/self/status"), kLong);
  ::pthread_sigmask(SIG_UNBLOCK, &blocked, nullptr);
  ::signal(SIGUSR1, SIG_DFL);
  ASSERT_TRUE(output);
  EXPECT_EQ(output->out, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

TEST(Spawn, RunsAProgramFromADescriptor) {
  const UniqueFd program(::open("/bin/echo", O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(program);
  const auto output = run({.program_fd = program.get(), .arguments = {"echo", "hello"}}, kLong);
  ASSERT_TRUE(output) << output.error().message();
  EXPECT_EQ(output->out, "hello\n");
}

TEST(Spawn, GivesAProcessToSignalAndReap) {
  const auto process = spawn(shell("exec sleep 1000"));
  ASSERT_TRUE(process) << process.error().message();
  EXPECT_TRUE(*is_alive(process->pidfd.get()));
  EXPECT_GT(process->start_ticks, 0U);
  ASSERT_TRUE(send_signal(process->pidfd.get(), SIGTERM));
  EXPECT_EQ(wait_and_reap(process->pidfd.get())->signal, SIGTERM);
}

}  // namespace
}  // namespace skerry::os
