// The file: TOML over the defaults. A key that is not read is an error, so that a misspelt one is
// not silently the default.
#include <cmath>
#include <functional>
#include <limits>
#include <map>

#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#include <fmt/format.h>
#include <toml++/toml.h>

#include "agent/config/config.h"
#include "agent/config/quantity.h"
#include "base/limits.h"

namespace skerry::config {
namespace {

constexpr std::int64_t kMostThreads = 256;
constexpr std::int64_t kMostQueued = 1'000'000;
constexpr double kMostCpus = 1'000'000;
constexpr double kMilli = 1000;
constexpr std::int64_t kMostConcurrency = 64;
constexpr std::int64_t kMostStandby = 64;
constexpr std::int64_t kShortestSubnet = 8;
constexpr std::int64_t kLongestSubnet = 29;
constexpr Bytes kLeastEventBytes{64ULL * 1024};

// One value of the file: where it is, and what is wrong with it.
struct Value {
  const toml::node& node;
  std::string key;
  std::string_view origin;

  Error error(std::string_view why) const {
    return Error(Code::kInvalidArgument,
                 fmt::format("{}:{}: \"{}\" {}", origin, node.source().begin.line, key, why))
        .with_reason("CONFIG_INVALID");
  }

  Result<std::string> text() const {
    const auto value = node.value_exact<std::string>();
    if (!value) return error("is not a string");
    return *value;
  }
  Result<std::int64_t> integer(std::int64_t least, std::int64_t most) const {
    const auto value = node.value_exact<std::int64_t>();
    if (!value) return error("is not a whole number");
    if (*value < least || *value > most) {
      return error(fmt::format("is not between {} and {}", least, most));
    }
    return *value;
  }
  Result<Bytes> bytes(Bytes least) const {
    Bytes bytes;
    if (const auto number = node.value_exact<std::int64_t>()) {
      if (*number < 0) return error("is negative");
      bytes = Bytes(static_cast<std::uint64_t>(*number));
    } else {
      TRY_ASSIGN(const std::string written, text());
      const auto parsed = parse_bytes(written);
      if (!parsed) return error(parsed.error().message());
      bytes = *parsed;
    }
    if (bytes < least) return error("is less than " + format_bytes(least));
    return bytes;
  }
  Result<std::chrono::seconds> duration() const {
    TRY_ASSIGN(const std::string written, text());
    const auto parsed = parse_duration(written);
    if (!parsed) return error(parsed.error().message());
    return *parsed;
  }
  Result<MilliCpu> cpus() const {
    const auto value = node.value<double>();
    if (!value) return error("is not a number");
    if (!(*value >= 0) || *value > kMostCpus) return error("is not a number of CPUs");
    const MilliCpu cpus(static_cast<std::uint64_t>(std::llround(*value * kMilli)));
    if (cpus < kMinCpuLimit) {
      return error(
          fmt::format("is less than {}", static_cast<double>(kMinCpuLimit.value()) / kMilli));
    }
    return cpus;
  }
  Result<std::vector<std::string>> texts() const {
    const toml::array* array = node.as_array();
    if (array == nullptr) return error("is not a list of strings");
    std::vector<std::string> all;
    for (const toml::node& element : *array) {
      const auto value = element.value_exact<std::string>();
      if (!value) return error("is not a list of strings");
      all.push_back(*value);
    }
    return all;
  }
  Result<std::vector<std::filesystem::path>> paths() const {
    TRY_ASSIGN(const std::vector<std::string> all, texts());
    return std::vector<std::filesystem::path>(all.begin(), all.end());
  }
};

using Setter = std::function<Result<>(const Value&, Config&)>;

// `read` takes the value apart, `set` puts it where it belongs.
template <class Read, class Set>
Setter setter(Read read, Set set) {
  return [read, set](const Value& value, Config& config) -> Result<> {
    TRY_ASSIGN(auto taken, read(value));
    set(config, std::move(taken));
    return {};
  };
}

auto text() {
  return [](const Value& v) { return v.text(); };
}
auto integer(std::int64_t least, std::int64_t most) {
  return [=](const Value& v) { return v.integer(least, most); };
}
auto bytes(Bytes least) {
  return [=](const Value& v) { return v.bytes(least); };
}
auto paths() {
  return [](const Value& v) { return v.paths(); };
}

Result<runtime::TraceLevel> level(const Value& value) {
  TRY_ASSIGN(const std::string name, value.text());
  const auto level = runtime::parse_trace_level(name);
  if (!level) return value.error("says " + level.error().message());
  return *level;
}

Result<LogMode> log_mode(const Value& value) {
  TRY_ASSIGN(const std::string name, value.text());
  if (name == "block") return LogMode::kBlock;
  if (name == "drop") return LogMode::kDrop;
  return value.error("is neither \"block\" nor \"drop\"");
}

std::uint32_t narrow(std::int64_t number) { return static_cast<std::uint32_t>(number); }
std::uint64_t wide(std::int64_t number) { return static_cast<std::uint64_t>(number); }

using Setters = std::map<std::string, Setter, std::less<>>;

void add_network_setters(Setters& keys) {
  const auto texts = [](const Value& v) { return v.texts(); };
  const auto duration = [](const Value& v) { return v.duration(); };
  keys["network.default"] =
      setter(text(), [](Config& c, auto v) { c.network.default_network = v; });
  keys["network.config_dir"] = setter(text(), [](Config& c, auto v) { c.network.config_dir = v; });
  keys["network.plugin_dirs"] =
      setter(paths(), [](Config& c, auto v) { c.network.plugin_dirs = v; });
  keys["network.subnets"] = setter(texts, [](Config& c, auto v) { c.network.subnets = v; });
  keys["network.subnet_length"] =
      setter(integer(kShortestSubnet, kLongestSubnet),
             [](Config& c, auto v) { c.network.subnet_length = narrow(v); });
  keys["network.dns_servers"] = setter(texts, [](Config& c, auto v) { c.network.dns_servers = v; });
  keys["network.attach_deadline"] =
      setter(duration, [](Config& c, auto v) { c.network.attach_deadline = v; });
  keys["network.detach_deadline"] =
      setter(duration, [](Config& c, auto v) { c.network.detach_deadline = v; });
  keys["network.concurrency"] = setter(
      integer(1, kMostConcurrency), [](Config& c, auto v) { c.network.concurrency = narrow(v); });
}

void add_volume_setters(Setters& keys) {
  const auto duration = [](const Value& v) { return v.duration(); };
  keys["volumes.host_paths"] = setter(paths(), [](Config& c, auto v) { c.volumes.host_paths = v; });
  keys["volumes.plugin_socket_dirs"] =
      setter(paths(), [](Config& c, auto v) { c.volumes.plugin_socket_dirs = v; });
  keys["volumes.plugin_spec_dirs"] =
      setter(paths(), [](Config& c, auto v) { c.volumes.plugin_spec_dirs = v; });
  keys["volumes.mount_deadline"] =
      setter(duration, [](Config& c, auto v) { c.volumes.mount_deadline = v; });
  keys["volumes.unmount_deadline"] =
      setter(duration, [](Config& c, auto v) { c.volumes.unmount_deadline = v; });
}

// Every key there is.
Setters make_setters() {
  Setters keys;
  keys["root"] = setter(text(), [](Config& c, auto v) { c.root = v; });
  keys["run"] = setter(text(), [](Config& c, auto v) { c.run = v; });
  keys["name"] = setter(text(), [](Config& c, auto v) { c.name = v; });
  keys["socket_group"] = setter(text(), [](Config& c, auto v) { c.socket_group = v; });
  keys["cgroup_parent"] = setter(text(), [](Config& c, auto v) { c.cgroup_parent = v; });
  keys["failpoints"] =
      setter([](const Value& v) { return v.texts(); }, [](Config& c, auto v) { c.failpoints = v; });
  keys["trace.level"] = setter(level, [](Config& c, auto v) { c.trace_level = v; });
  keys["mounts.bind_sources"] = setter(paths(), [](Config& c, auto v) { c.bind_sources = v; });
  keys["log.directories"] = setter(paths(), [](Config& c, auto v) { c.log_directories = v; });
  keys["log.max_size"] = setter(bytes(kMinLogSize), [](Config& c, auto v) { c.log.max_size = v; });
  keys["log.max_files"] =
      setter(integer(1, kMaxLogFiles), [](Config& c, auto v) { c.log.max_files = narrow(v); });
  keys["log.mode"] = setter(log_mode, [](Config& c, auto v) { c.log.mode = v; });
  keys["events.age"] = setter([](const Value& v) { return v.duration(); },
                              [](Config& c, auto v) { c.events.age = v; });
  keys["events.count"] = setter(integer(0, std::numeric_limits<std::int64_t>::max()),
                                [](Config& c, auto v) { c.events.count = wide(v); });
  keys["events.bytes"] =
      setter(bytes(kLeastEventBytes), [](Config& c, auto v) { c.events.bytes = v; });
  keys["workers.threads"] =
      setter(integer(1, kMostThreads), [](Config& c, auto v) { c.workers.threads = narrow(v); });
  keys["workers.plugin_threads"] = setter(
      integer(1, kMostThreads), [](Config& c, auto v) { c.workers.plugin_threads = narrow(v); });
  keys["workers.queue"] =
      setter(integer(1, kMostQueued), [](Config& c, auto v) { c.workers.queue = narrow(v); });
  add_network_setters(keys);
  keys["standby.processes"] =
      setter(integer(0, kMostStandby), [](Config& c, auto v) { c.standby_processes = narrow(v); });
  add_volume_setters(keys);
  keys["defaults.cpus"] = setter([](const Value& v) { return v.cpus(); },
                                 [](Config& c, auto v) { c.defaults.cpus = v; });
  keys["defaults.memory"] =
      setter(bytes(kMinMemoryLimit), [](Config& c, auto v) { c.defaults.memory = v; });
  keys["defaults.pids"] = setter(integer(1, std::int64_t{kMaxPids}),
                                 [](Config& c, auto v) { c.defaults.pids = wide(v); });
  return keys;
}

Error unknown(std::string_view origin, const toml::key& key, std::string_view path) {
  return Error(Code::kInvalidArgument,
               fmt::format("{}:{}: unknown key \"{}\"", origin, key.source().begin.line, path))
      .with_reason("CONFIG_INVALID");
}

bool is_section(const Setters& setters, std::string_view path) {
  const auto first = setters.lower_bound(fmt::format("{}.", path));
  return first != setters.end() && first->first.starts_with(fmt::format("{}.", path));
}

Result<> apply_table(const toml::table& table,
                     std::string_view prefix,
                     std::string_view origin,
                     const Setters& setters,
                     Config& config) {
  for (const auto& [key, node] : table) {
    const std::string path = fmt::format("{}{}", prefix, key.str());
    const auto found = setters.find(path);
    if (found != setters.end()) {
      TRY(found->second(Value{.node = node, .key = path, .origin = origin}, config));
      config.origins.by_key[path] = origin;
      continue;
    }
    // Sections are one deep.
    if (!prefix.empty() || !is_section(setters, path)) return unknown(origin, key, path);
    const toml::table* section = node.as_table();
    if (section == nullptr) {
      return Value{.node = node, .key = path, .origin = origin}.error("is a section, not a value");
    }
    TRY(apply_table(*section, path + ".", origin, setters, config));
  }
  return {};
}

}  // namespace

Result<> apply_toml(std::string_view text, std::string_view origin, Config& config) {
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    return Error(Code::kInvalidArgument,
                 fmt::format("{}:{}: {}",
                             origin,
                             parsed.error().source().begin.line,
                             parsed.error().description()))
        .with_reason("CONFIG_INVALID");
  }
  return apply_table(parsed.table(), "", origin, make_setters(), config);
}

}  // namespace skerry::config
