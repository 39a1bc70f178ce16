#include "agent/runtime/trace.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include <fmt/format.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace skerry::runtime {
namespace {

struct LevelName {
  std::string_view name;
  int priority;  // sd-daemon(3)
};
constexpr std::array<LevelName, 5> kLevels = {
    {{"debug", 7}, {"info", 6}, {"notice", 5}, {"warning", 4}, {"error", 3}}};

const LevelName& level_of(TraceLevel level) { return kLevels.at(static_cast<std::size_t>(level)); }

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

// Bytes beyond ASCII pass, so that UTF-8 stays readable; controls never do.
void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (is_control(c)) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
}

void append_value(std::string& out, std::string_view value) {
  const bool plain = !value.empty() && std::ranges::none_of(value, [](char c) {
    return c == ' ' || c == '"' || c == '=' || c == '\\' || is_control(c);
  });
  if (plain) {
    out += value;
    return;
  }
  out += '"';
  append_escaped(out, value);
  out += '"';
}

// A message is words of ours, and may quote names from outside: only controls are escaped in it.
void append_message(std::string& out, std::string_view message) {
  for (const char c : message) {
    if (is_control(c)) {
      append_escaped(out, std::string_view(&c, 1));
    } else {
      out += c;
    }
  }
}

}  // namespace

std::string_view trace_level_name(TraceLevel level) { return level_of(level).name; }

Result<TraceLevel> parse_trace_level(std::string_view name) {
  for (std::size_t i = 0; i < kLevels.size(); ++i) {
    if (kLevels.at(i).name == name) return static_cast<TraceLevel>(i);
  }
  return Error(Code::kInvalidArgument,
               fmt::format("\"{}\" is none of debug, info, notice, warning, error", name));
}

TraceFormat detect_trace_format() {
  // Read once, before threads are made.
  const char* stream = std::getenv("JOURNAL_STREAM");  // NOLINT(concurrency-mt-unsafe)
  struct stat status {};
  if (stream == nullptr || ::fstat(STDERR_FILENO, &status) != 0) return TraceFormat::kPlain;
  const std::string ours = fmt::format("{}:{}", status.st_dev, status.st_ino);
  return ours == stream ? TraceFormat::kJournal : TraceFormat::kPlain;
}

struct Trace::Sink {
  TraceLevel level;
  TraceFormat format;
  spdlog::logger logger;
};

Trace::Trace(TraceLevel level, TraceFormat format, std::FILE* out)
    : sink_(new Sink{
          level,
          format,
          spdlog::logger(
              "skerryd",
              std::make_shared<spdlog::sinks::stdout_sink_base<spdlog::details::console_mutex>>(
                  out))}) {
  const char* pattern = format == TraceFormat::kJournal ? "%v" : "%Y-%m-%dT%H:%M:%S.%eZ %v";
  sink_->logger.set_formatter(
      std::make_unique<spdlog::pattern_formatter>(pattern, spdlog::pattern_time_type::utc));
  sink_->logger.set_level(spdlog::level::trace);
}

Trace::~Trace() = default;

bool Trace::enabled(TraceLevel level) const { return level >= sink_->level; }

void Trace::debug(std::string_view message, const TraceFields& fields) {
  line(TraceLevel::kDebug, message, fields);
}
void Trace::info(std::string_view message, const TraceFields& fields) {
  line(TraceLevel::kInfo, message, fields);
}
void Trace::notice(std::string_view message, const TraceFields& fields) {
  line(TraceLevel::kNotice, message, fields);
}
void Trace::warning(std::string_view message, const TraceFields& fields) {
  line(TraceLevel::kWarning, message, fields);
}

void Trace::error(std::string_view message, const Error& error, TraceFields fields) {
  if (!enabled(TraceLevel::kError)) return;
  fields.push_back({"error", error.message()});
  fields.push_back({"code", std::string(code_name(error.code()))});
  if (!error.reason().empty()) fields.push_back({"reason", error.reason()});
  if (!error.object().empty()) fields.push_back({"object", error.object()});
  if (!error.step().empty()) fields.push_back({"step", error.step()});
  if (error.sys_errno() != 0) fields.push_back({"errno", std::to_string(error.sys_errno())});
  const std::string_view file = error.origin().file_name();
  fields.push_back(
      {"at", fmt::format("{}:{}", file.substr(file.rfind('/') + 1), error.origin().line())});
  line(TraceLevel::kError, message, fields);
}

void Trace::line(TraceLevel level, std::string_view message, const TraceFields& fields) {
  if (!enabled(level)) return;
  const LevelName& name = level_of(level);
  std::string text = sink_->format == TraceFormat::kJournal ? fmt::format("<{}>", name.priority)
                                                            : fmt::format("{:<7} ", name.name);
  append_message(text, message);
  for (const TraceField& field : fields) {
    text += ' ';
    text += field.key;
    text += '=';
    append_value(text, field.value);
  }
  sink_->logger.log(spdlog::level::info, spdlog::string_view_t(text.data(), text.size()));
}

}  // namespace skerry::runtime
