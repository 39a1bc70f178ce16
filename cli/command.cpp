#include "cli/command.h"

#include <unistd.h>

#include <cerrno>

#include <fmt/format.h>

namespace skerry::cli {
namespace {

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

/// What to do about an error, where that is known; else nothing.
std::string_view advice(const Error& error) {
  const std::string& reason = error.reason();
  if (reason == "DAEMON_UNREACHABLE") {
    return "is the daemon running? see: systemctl status skerryd; another socket: -H or "
           "SKERRY_HOST";
  }
  if (reason == "DAEMON_FORBIDDEN") return "be root or in the group skerry";
  if (reason == "CONTAINER_NOT_FOUND") return "see the containers: skerry ps -a";
  if (reason == "POD_NOT_FOUND") return "see the pods: skerry pod ls -a";
  if (reason == "EXEC_NOT_FOUND") return "see the execs: skerry execs -a";
  if (reason == "NETWORK_NOT_FOUND") return "see the networks: skerry network ls";
  if (reason == "VOLUME_NOT_FOUND") return "see the volumes: skerry volume ls";
  if (reason == "DRIVER_NOT_FOUND") return "see the drivers: skerry volume drivers";
  if (reason == "VOLUME_IN_USE") return "see who uses it: skerry volume inspect NAME";
  if (reason == "NO_ADDRESS_LEFT") return "see who has them: skerry network inspect NAME";
  if (reason == "NO_STDIN") return "start it with -i, or only watch: --no-stdin";
  if (reason == "IMAGE_NOT_FOUND") return "see the images: skerry image ls";
  if (reason == "IMAGE_IN_USE") return "see its containers: skerry ps -a -f image=NAME";
  if (reason == "NAME_TAKEN") return "see who has it: skerry ps -a; or remove it: skerry rm NAME";
  if (reason == "COMMAND_MISSING") return "name it after the image: skerry run IMAGE COMMAND";
  if (error.code() == Code::kDeadlineExceeded) {
    return "see what is in the way: skerry debug ops; wait longer: --timeout";
  }
  if (error.retryable()) return "trying again may help";
  return "";
}

}  // namespace

void add_commands(CLI::App& app, Invocation& invocation, const std::vector<Command>& commands) {
  app.require_subcommand(1);
  for (const Command& command : commands) {
    CLI::App* sub = app.add_subcommand(std::string(command.name), std::string(command.summary));
    sub->set_help_flag("-h,--help", "Print this help and exit");
    invocation.unconfigured[sub] = command.configure;
    sub->preparse_callback(
        [sub, &invocation](std::size_t) { configure_command(*sub, invocation); });
  }
}

void configure_command(CLI::App& app, Invocation& invocation) {
  const auto found = invocation.unconfigured.find(&app);
  if (found == invocation.unconfigured.end()) return;
  const auto configure = found->second;
  invocation.unconfigured.erase(found);
  app.add_option("-H,--host", invocation.host, "The daemon's socket")->group("Client");
  app.add_option("--timeout", invocation.timeout, "Longest time for a call, such as 30s")
      ->group("Client");
  configure(app, invocation);
}

void add_examples(CLI::App& app, const std::vector<std::string>& examples) {
  std::string text = "Examples:\n";
  for (const std::string& example : examples) text += "  " + example + "\n";
  app.footer(text);
}

void add_tenant(CLI::App& app, Invocation& invocation) {
  app.add_option("--tenant", invocation.tenant, "Whose containers (default: \"default\")");
}

void add_containers(CLI::App& app, Invocation& invocation, std::vector<std::string>& containers) {
  add_tenant(app, invocation);
  app.add_option("CONTAINER", containers, "Name, id, uid, or the beginning of a uid")->required();
}

void add_container(CLI::App& app, Invocation& invocation, std::string& container) {
  add_tenant(app, invocation);
  app.add_option("CONTAINER", container, "Name, id, uid, or the beginning of a uid")->required();
}

CLI::Option* add_repeatable(CLI::App& app,
                            const std::string& names,
                            std::vector<std::string>& values,
                            const std::string& help) {
  // One value a time: "-e A=1 IMAGE" must not take the image for another variable.
  return app.add_option(names, values, help)->allow_extra_args(false)->type_name("VALUE");
}

void print(std::string_view text) { write_all(STDOUT_FILENO, text); }

void print_error(std::string_view text) { write_all(STDERR_FILENO, text); }

void report(const Error& error) {
  std::string text = "skerry: " + error.message();
  if (!error.step().empty()) text += fmt::format(" (step \"{}\")", error.step());
  text += '\n';
  if (const auto hint = advice(error); !hint.empty()) text += fmt::format("  {}\n", hint);
  print_error(text);
}

int for_each_reporting(const std::vector<std::string>& items,
                       const std::function<Result<>(const std::string&)>& each) {
  int code = kExitOk;
  for (const std::string& item : items) {
    if (const auto done = each(item); !done) {
      report(done.error());
      code = kExitFailure;
    }
  }
  return code;
}

}  // namespace skerry::cli
