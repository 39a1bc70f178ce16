#include "isolators/process/process.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cerrno>
#include <unordered_map>

#include <fmt/format.h>

#include "isolators/namespaces/namespaces.h"
#include "isolators/process/user_database.h"
#include "isolators/refusal.h"
#include "os/path.h"
#include "plan/validation.h"

namespace skerry::isolators {
namespace {

constexpr std::string_view kName = "process";
constexpr std::string_view kDefaultPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr std::size_t kMaxUserDatabase = 1ULL << 20U;

std::string_view variable_name(std::string_view variable) {
  return variable.substr(0, variable.find('='));
}

bool is_kernel_file(int fd) {
  struct statfs info {};
  if (::fstatfs(fd, &info) != 0) return true;
  return info.f_type == PROC_SUPER_MAGIC || info.f_type == SYSFS_MAGIC;
}

class ProcessIsolator final : public Isolator {
 public:
  std::string_view name() const override { return kName; }
  // Users are looked up in the root; the working directory may lie on a mount.
  std::vector<std::string_view> after() const override { return {"filesystem"}; }

  Result<> validate(const ContainerConfig& config, const os::HostFacts& /*host*/) const override {
    TRY(plan::validate_exec(
        {.arguments = config.process.arguments, .environment = config.process.environment}));
    TRY(check_absolute_path("process.working_directory", config.process.working_directory));
    return check_user(config.process.user, config.process.additional_groups);
  }

  Result<Checkpoint> prepare(const PrepareContext& context) override {
    const Process& process = context.config.process;
    PlanBuilder& plan = context.plan;
    // After the user's mounts and before the root may become read-only; by root, as Docker does.
    if (process.working_directory != "/") {
      plan.add(Phase::kMounts, plan::MakeDir{.path = process.working_directory, .mode = 0755});
    }
    TRY(add(plan, context.config, plan.fd(plan.root())));
    return nothing_to_remember(kName);
  }

  Result<> prepare_exec(const ExecContext& context) override {
    return add(context.plan, context.config, context.root);
  }

 private:
  static Result<> add(PlanBuilder& plan, const ContainerConfig& config, int root) {
    const Process& process = config.process;
    TRY_ASSIGN(const std::string passwd, read_user_database(root, "etc/passwd"));
    TRY_ASSIGN(const std::string group, read_user_database(root, "etc/group"));
    TRY_ASSIGN(ResolvedUser user,
               resolve_user(process.user, process.additional_groups, passwd, group));
    plan.set_user_id(user.uid);
    plan.add(Phase::kIdentity,
             plan::SetIds{.uid = user.uid, .gid = user.gid, .groups = std::move(user.groups)});
    plan.add(Phase::kIdentity,
             plan::WorkingDirectory{.path = process.working_directory, .create = false});
    plan.plan().exec = {
        .arguments = process.arguments,
        .environment = complete_environment(process.environment, hostname_of(config), user.home)};
    return {};
  }
};

}  // namespace

std::unique_ptr<Isolator> make_process_isolator() { return std::make_unique<ProcessIsolator>(); }

std::vector<std::string> complete_environment(const std::vector<std::string>& given,
                                              std::string_view hostname,
                                              std::string_view home) {
  std::vector<std::string> result;
  std::unordered_map<std::string_view, std::size_t> places;
  for (const auto& variable : given) {
    const auto [place, is_new] = places.try_emplace(variable_name(variable), result.size());
    if (is_new) {
      result.push_back(variable);
    } else {
      result[place->second] = variable;
    }
  }
  const auto add = [&](std::string_view name, std::string_view value) {
    if (!places.contains(name)) result.push_back(fmt::format("{}={}", name, value));
  };
  add("PATH", kDefaultPath);
  add("HOSTNAME", hostname);
  add("HOME", home);
  return result;
}

Result<std::string> read_user_database(int root, const std::string& path) {
  const auto invalid = [&](std::string_view why) {
    return unsupported(
        fmt::format("root filesystem's \"/{}\"", path), why, "USER_DATABASE_INVALID");
  };
  // O_PATH first: opening a device node or a FIFO of a hostile image would already do something.
  auto found = os::open_in_root(root, path, O_PATH);
  if (!found) {
    if (found.error().code() == Code::kNotFound || found.error().sys_errno() == ENOTDIR) {
      return std::string();
    }
    return invalid(found.error().message());
  }
  struct stat status {};
  if (::fstat(found->get(), &status) != 0) {
    const int error = errno;
    return Error::from_errno(error, fmt::format("stat \"/{}\" of the root filesystem", path));
  }
  if (!S_ISREG(status.st_mode)) return invalid("not a regular file");
  // Reading takes something away (/proc/kmsg), or waits for something.
  if (is_kernel_file(found->get())) return invalid("a file of the kernel's");
  if (static_cast<std::size_t>(status.st_size) > kMaxUserDatabase) return invalid("over 1 MiB");
  const UniqueFd file(::open(fmt::format("/proc/self/fd/{}", found->get()).c_str(),
                             O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!file) {
    const int error = errno;
    return Error::from_errno(error, fmt::format("open \"/{}\" of the root filesystem", path));
  }
  auto text = os::read_file(file.get(), kMaxUserDatabase);
  if (!text) return invalid(text.error().message());
  return text;
}

}  // namespace skerry::isolators
