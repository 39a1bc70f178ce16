#include "agent/config/command_line.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>

#include "base/unique_fd.h"

namespace skerry::config {
namespace {

constexpr std::size_t kMostBytes = 1024UL * 1024;

struct Options {
  std::optional<std::string> root;
  std::optional<std::string> run;
  std::optional<std::string> name;
  std::optional<std::string> file;
  std::optional<std::string> trace_level;
  std::vector<std::string> failpoints;
  bool list_failpoints = false;
};

void declare(CLI::App& app, Options& options) {
  app.add_option("--root", options.root, "Directory of the state that outlives the boot")
      ->type_name("DIR");
  app.add_option("--run", options.run, "Directory of sockets and launch records")->type_name("DIR");
  app.add_option("--name", options.name, "Prefix of what this daemon makes on the host")
      ->type_name("NAME");
  app.add_option("--config", options.file, fmt::format("The file; default {}", kDefaultFile))
      ->type_name("FILE");
  app.add_option("--trace-level", options.trace_level, "debug, info, notice, warning or error")
      ->type_name("LEVEL");
  app.add_option(
         "--failpoint",
         options.failpoints,
         "Fail, die or wait at a step: STEP=error[:ERRNO]|kill|stop|delay:MS; may be repeated")
      ->type_name("STEP=ACTION")
      ->allow_extra_args(false);
  app.add_flag("--list-failpoints", options.list_failpoints, "Print the names of all failpoints");
}

Error usage(const std::string& message) {
  return Error(Code::kInvalidArgument, message).with_reason("USAGE");
}

Result<std::string> read_file(const std::string& name) {
  const UniqueFd fd(::open(name.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return Error::from_errno(errno, fmt::format("open \"{}\"", name));
  std::string text;
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
    if (count < 0) {
      const int error = errno;
      if (error == EINTR) continue;
      return Error::from_errno(error, fmt::format("read \"{}\"", name));
    }
    if (count == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(count));
    if (text.size() > kMostBytes) {
      return Error(Code::kInvalidArgument, fmt::format("\"{}\" is larger than 1 MiB", name))
          .with_reason("CONFIG_INVALID");
    }
  }
}

Result<> apply_file(const std::optional<std::string>& named, Config& config) {
  const std::string name = named.value_or(kDefaultFile);
  Result<std::string> text = read_file(name);
  if (!text) {
    if (!named && text.error().sys_errno() == ENOENT) return {};
    return std::move(text).error();
  }
  config.file = name;
  return apply_toml(*text, name, config);
}

void note_flags(const Options& options, Origins& origins) {
  const auto note = [&](const char* key, bool given) {
    if (given) origins.by_key[key] = "flag";
  };
  note("root", options.root.has_value());
  note("run", options.run.has_value());
  note("name", options.name.has_value());
  note("trace.level", options.trace_level.has_value());
  note("failpoints", !options.failpoints.empty());
}

Result<> apply_options(const Options& options, Config& config) {
  note_flags(options, config.origins);
  if (options.root) config.root = *options.root;
  if (options.run) config.run = *options.run;
  if (options.name) config.name = *options.name;
  if (options.trace_level) {
    auto level = runtime::parse_trace_level(*options.trace_level);
    if (!level) return usage("--trace-level: " + level.error().message());
    config.trace_level = *level;
  }
  config.failpoints.insert(
      config.failpoints.end(), options.failpoints.begin(), options.failpoints.end());
  return {};
}

}  // namespace

Result<Invocation> parse_command_line(const std::vector<std::string>& arguments,
                                      std::string_view version) {
  Invocation invocation;
  const std::string version_text = fmt::format("skerryd {}", version);
  CLI::App app("skerryd: runs this host's containers, and keeps them running", "skerryd");
  app.set_version_flag("--version", version_text);
  Options options;
  declare(app, options);
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    invocation.action = Action::kPrint;
    invocation.text = app.help();
    return invocation;
  } catch (const CLI::CallForVersion&) {
    invocation.action = Action::kPrint;
    invocation.text = version_text + "\n";
    return invocation;
  } catch (const CLI::ParseError& error) {
    return usage(error.what());
  }
  if (options.list_failpoints) {
    invocation.action = Action::kListFailpoints;
    return invocation;
  }
  TRY(apply_file(options.file, invocation.config));
  TRY(apply_options(options, invocation.config));
  TRY(check(invocation.config));
  return invocation;
}

}  // namespace skerry::config
