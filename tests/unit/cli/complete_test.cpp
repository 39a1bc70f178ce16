#include "cli/complete.h"

#include <algorithm>

#include <CLI/App.hpp>
#include <gtest/gtest.h>

#include "cli/command_list.h"

namespace skerry::cli {
namespace {

std::vector<Candidate> daemon(ValueKind kind) {
  switch (kind) {
    case ValueKind::kContainer:
      return {{"web", "busybox"}, {"worker", "busybox"}, {"old", "busybox"}};
    case ValueKind::kLiveContainer:
      return {{"web", "busybox"}, {"worker", "busybox"}};
    case ValueKind::kImage:
      return {{"busybox", ""}};
    case ValueKind::kPod:
      return {{"shop", ""}};
    case ValueKind::kNetwork:
      return {{"skerry", ""}};
    case ValueKind::kVolume:
      return {{"data", ""}};
    default:
      return {};
  }
}

std::vector<std::string> completed(const std::vector<std::string>& words) {
  std::vector<std::string> out;
  for (const Candidate& candidate : complete(words, daemon)) out.push_back(candidate.text);
  return out;
}

using Words = std::vector<std::string>;

TEST(Complete, NamesCommands) {
  EXPECT_EQ(completed({"pa"}), (Words{"pause"}));
  EXPECT_EQ(completed({"pod", "s"}), (Words{"stop", "stats"}));
  EXPECT_EQ(completed({"debug", "d"}), (Words{"debts"}));
  EXPECT_EQ(completed({}), Words{});
}

TEST(Complete, NamesLiveThings) {
  EXPECT_EQ(completed({"rm", "o"}), (Words{"old"}));
  EXPECT_EQ(completed({"rm", "web", "w"}), (Words{"web", "worker"}));
  EXPECT_EQ(completed({"stop", ""}), (Words{"web", "worker"}));
  EXPECT_EQ(completed({"pod", "rm", ""}), (Words{"shop"}));
  EXPECT_EQ(completed({"image", "rm", "b"}), (Words{"busybox"}));
  EXPECT_EQ(completed({"network", "inspect", ""}), (Words{"skerry"}));
}

TEST(Complete, KnowsWhichOptionsTakeAValue) {
  EXPECT_EQ(completed({"-H", "pod", "pa"}), (Words{"pause"}));
  EXPECT_EQ(completed({"run", "--name", "x", "-it", "b"}), (Words{"busybox"}));
  EXPECT_EQ(completed({"run", "--pod", ""}), (Words{"shop"}));
  EXPECT_EQ(completed({"run", "--pod=s"}), (Words{"--pod=shop"}));
  EXPECT_EQ(completed({"run", "--network", ""}), (Words{"skerry", "none", "host"}));
  EXPECT_EQ(completed({"run", "-v", "d"}), (Words{"data:", ":files"}));
  EXPECT_EQ(completed({"run", "-m", ""}), Words{});
  EXPECT_EQ(completed({"ps", "-o", "js"}), (Words{"json", "jsonl"}));
  EXPECT_EQ(completed({"kill", "-s", "HU"}), (Words{"HUP"}));
}

TEST(Complete, NamesOptions) {
  EXPECT_EQ(completed({"exec", "--detach"}), (Words{"--detach", "--detach-keys"}));
  const auto options = completed({"pod", "create", "-"});
  EXPECT_NE(std::ranges::find(options, "--share"), options.end());
}

TEST(Complete, LeavesTheContainersCommandAlone) {
  EXPECT_EQ(completed({"exec", "we"}), (Words{"web"}));
  EXPECT_EQ(completed({"exec", "web", ""}), Words{});
  EXPECT_EQ(completed({"run", "busybox", "--pod", ""}), Words{});
}

TEST(Complete, MixesContainersAndFilesForCopies) {
  EXPECT_EQ(completed({"cp", "w"}), (Words{"web:", "worker:", ":files"}));
  EXPECT_EQ(completed({"cp", "a", "web"}), (Words{"web:", ":files"}));
  EXPECT_EQ(completed({"image", "import", ""}), (Words{":files"}));
}

TEST(HelpPage, IsOneScreenAndComplete) {
  const std::string page = help_page();
  EXPECT_LE(std::ranges::count(page, '\n'), 24);
  for (const Command& command : all_commands()) {
    EXPECT_NE(page.find("  " + std::string(command.name) + " "), std::string::npos) << command.name;
  }
  std::size_t begin = 0;
  for (std::size_t end = page.find('\n'); end != std::string::npos; end = page.find('\n', begin)) {
    EXPECT_LE(end - begin, 80U) << page.substr(begin, end - begin);
    begin = end + 1;
  }
}

TEST(EveryCommand, CanBeConfigured) {
  Invocation invocation;
  CLI::App app("", "skerry");
  build_app(app, invocation);
  const auto all = [](const CLI::App*) { return true; };
  for (CLI::App* command : app.get_subcommands(all)) {
    configure_command(*command, invocation);
    for (CLI::App* below : command->get_subcommands(all)) configure_command(*below, invocation);
  }
  EXPECT_TRUE(invocation.unconfigured.empty());
}

}  // namespace
}  // namespace skerry::cli
