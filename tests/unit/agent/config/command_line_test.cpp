#include "agent/config/command_line.h"

#include <fstream>

#include <gtest/gtest.h>

#include "fixtures.h"

namespace skerry::config {
namespace {

struct File {
  tests::TempDir dir;
  std::string name = dir.path() / "skerryd.toml";
  explicit File(const std::string& text = "") { std::ofstream(name) << text; }
};

TEST(CommandLine, WinsOverTheFileAndTheFileOverDefaults) {
  const File file("root = \"/file/root\"\nname = \"file\"\n[log]\nmax_files = 9\n");
  const auto invocation =
      parse_command_line({"--config", file.name, "--name", "line", "--run=/run/line"}, "1");
  ASSERT_TRUE(invocation) << invocation.error().message();
  EXPECT_EQ(invocation->action, Action::kRun);
  EXPECT_EQ(invocation->config.root, "/file/root");
  EXPECT_EQ(invocation->config.name, "line");
  EXPECT_EQ(invocation->config.run, "/run/line");
  EXPECT_EQ(invocation->config.log.max_files, 9U);
  EXPECT_EQ(invocation->config.workers, Workers());
  EXPECT_EQ(invocation->config.file, file.name);
}

TEST(CommandLine, AddsFailpointsToThoseOfTheFile) {
  const File file("failpoints = [\"a.b=kill\"]");
  const auto invocation = parse_command_line({"--config",
                                              file.name,
                                              "--failpoint",
                                              "c.d=error",
                                              "--failpoint=e.f=kill",
                                              "--trace-level",
                                              "debug"},
                                             "1");
  ASSERT_TRUE(invocation) << invocation.error().message();
  EXPECT_EQ(invocation->config.failpoints,
            (std::vector<std::string>{"a.b=kill", "c.d=error", "e.f=kill"}));
  EXPECT_EQ(invocation->config.trace_level, runtime::TraceLevel::kDebug);
}

TEST(CommandLine, PrintsHelpAndVersion) {
  const auto help = parse_command_line({"--help"}, "1.2.3");
  EXPECT_EQ(help->action, Action::kPrint);
  EXPECT_NE(help->text.find("--failpoint"), std::string::npos);
  EXPECT_EQ(parse_command_line({"--version"}, "1.2.3")->text, "skerryd 1.2.3\n");
}

TEST(CommandLine, ListsFailpointsWithoutReadingAFile) {
  const auto invocation =
      parse_command_line({"--list-failpoints", "--config", "/does/not/exist"}, "1");
  ASSERT_TRUE(invocation);
  EXPECT_EQ(invocation->action, Action::kListFailpoints);
}

TEST(CommandLine, RefusesWhatItDoesNotKnow) {
  const File file;
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"--rot", "/x"},
        {"positional"},
        {"--root"},
        {"--trace-level", "loud", "--config", file.name}}) {
    const auto invocation = parse_command_line(arguments, "1");
    ASSERT_FALSE(invocation) << arguments[0];
    EXPECT_EQ(invocation.error().reason(), "USAGE") << arguments[0];
  }
  EXPECT_EQ(parse_command_line({"--config", file.name, "--root", "relative"}, "1").error().reason(),
            "CONFIG_INVALID");
}

TEST(CommandLine, AFileThatWasNamedMustBeThere) {
  const auto missing = parse_command_line({"--config", "/does/not/exist.toml"}, "1");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), Code::kNotFound);
  const File broken("[log\n");
  EXPECT_EQ(parse_command_line({"--config", broken.name}, "1").error().reason(), "CONFIG_INVALID");
}

}  // namespace
}  // namespace skerry::config
