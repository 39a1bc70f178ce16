#include "launcher/exec.h"

#include <unistd.h>

#include <cerrno>
#include <string_view>

namespace skerry::launcher {
namespace {

constexpr std::string_view kDefaultPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// execve(2) takes pointers to char and changes nothing.
std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> out;
  out.reserve(strings.size() + 1);
  for (const auto& value : strings) out.push_back(const_cast<char*>(value.c_str()));
  out.push_back(nullptr);
  return out;
}

// Reasons to look into the next directory, as execvp(3) has them.
bool is_absence(int sys_errno) {
  return sys_errno == ENOENT || sys_errno == ENOTDIR || sys_errno == ESTALE ||
         sys_errno == ENODEV || sys_errno == ETIMEDOUT;
}

}  // namespace

std::string search_path_of(const std::vector<std::string>& environment) {
  constexpr std::string_view kPrefix = "PATH=";
  for (const auto& variable : environment) {
    if (variable.starts_with(kPrefix)) return variable.substr(kPrefix.size());
  }
  return std::string(kDefaultPath);
}

PreparedExec::PreparedExec(const plan::Exec& exec)
    : arguments_(pointers(exec.arguments)),
      environment_(pointers(exec.environment)),
      search_path_(search_path_of(exec.environment)) {}

int PreparedExec::run() {
  const std::string name = arguments_.front();
  if (name.empty()) return ENOENT;
  if (name.find('/') != std::string::npos) {
    ::execve(name.c_str(), arguments_.data(), environment_.data());
    return errno;
  }
  return search(name);
}

int PreparedExec::search(const std::string& name) {
  bool refused = false;
  std::string_view rest = search_path_;
  for (bool more = true; more;) {
    const auto colon = rest.find(':');
    more = colon != std::string_view::npos;
    std::string path(rest.substr(0, colon));
    if (more) rest.remove_prefix(colon + 1);
    if (!path.empty()) path += '/';
    path += name;
    ::execve(path.c_str(), arguments_.data(), environment_.data());
    const int sys_errno = errno;
    if (sys_errno == EACCES) {
      refused = true;
    } else if (!is_absence(sys_errno)) {
      return sys_errno;
    }
  }
  return refused ? EACCES : ENOENT;
}

}  // namespace skerry::launcher
