#include "cli/complete.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include <CLI/App.hpp>

#include "cli/command.h"
#include "cli/command_list.h"

namespace skerry::cli {
namespace {

struct Known {
  std::string_view name;
  ValueKind kind;
};

/// By the option's long name, where its value is more than a word of the user's own.
constexpr std::array kOptionValues = {
    Known{"pod", ValueKind::kPod},
    Known{"network", ValueKind::kNetworkMode},
    Known{"volume", ValueKind::kVolumeMount},
    Known{"volume-driver", ValueKind::kDriver},
    Known{"driver", ValueKind::kDriver},
    Known{"output", ValueKind::kForm},
    Known{"signal", ValueKind::kSignal},
    Known{"stop-signal", ValueKind::kSignal},
    Known{"env-file", ValueKind::kFile},
    Known{"security-opt", ValueKind::kNothing},
    Known{"log-directory", ValueKind::kFile},
};

/// By the name of the argument.
constexpr std::array kArgumentValues = {
    Known{"CONTAINER", ValueKind::kContainer},
    Known{"POD", ValueKind::kPod},
    Known{"IMAGE", ValueKind::kImage},
    Known{"NETWORK", ValueKind::kNetwork},
    Known{"VOLUME", ValueKind::kVolume},
    Known{"SRC", ValueKind::kCopyPath},
    Known{"DST", ValueKind::kCopyPath},
    Known{"SOURCE", ValueKind::kFile},
};

/// Commands that have no use for a container that does not run.
constexpr std::array<std::string_view, 7> kLiveOnly = {
    "stop", "kill", "pause", "exec", "attach", "top", "stats"};

template <class Table>
ValueKind kind_in(const Table& table, std::string_view name) {
  const auto* const found = std::ranges::find(table, name, &Known::name);
  return found == table.end() ? ValueKind::kNothing : found->kind;
}

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

ValueKind kind_of(const CLI::Option& option) {
  for (const std::string& name : option.get_lnames()) {
    if (const auto kind = kind_in(kOptionValues, name); kind != ValueKind::kNothing) return kind;
  }
  return ValueKind::kNothing;
}

/// The option a word names: "--name", "--name=…", "-n", and for "-itn" the last of them.
const CLI::Option* find_option(const CLI::App& app, const std::string& word) {
  if (word.starts_with("--")) return app.get_option_no_throw(word.substr(0, word.find('=')));
  if (word.size() < 2) return nullptr;
  return app.get_option_no_throw(std::string("-") + word.back());
}

/// Where the last word stands.
struct Place {
  CLI::App* app = nullptr;
  /// The option whose value it is; else an argument, or an option's name.
  const CLI::Option* option = nullptr;
  /// Arguments before it.
  std::size_t arguments = 0;
  /// It belongs to the container's command.
  bool foreign = false;
};

CLI::App* find_command(CLI::App& app, const std::string& name) {
  for (CLI::App* command : app.get_subcommands([](CLI::App*) { return true; })) {
    if (command->get_name() == name) return command;
  }
  return nullptr;
}

bool takes_foreign_words(const CLI::App& app) { return app.get_prefix_command(); }

Place find_place(CLI::App& app, Invocation& invocation, const std::vector<std::string>& words) {
  Place place{.app = &app};
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    const std::string& word = words[i];
    if (place.option != nullptr) {
      place.option = nullptr;
    } else if (word.size() > 1 && word.starts_with('-')) {
      const CLI::Option* option = find_option(*place.app, word);
      const bool apart = option != nullptr && takes_value(*option) &&
                         (!word.starts_with("--") || word.find('=') == std::string::npos);
      if (apart) place.option = option;
    } else if (CLI::App* command = find_command(*place.app, word); command != nullptr) {
      place.app = command;
      configure_command(*command, invocation);
    } else {
      ++place.arguments;
      place.foreign = takes_foreign_words(*place.app) && place.arguments > 0;
      if (place.foreign) return place;
    }
  }
  return place;
}

ValueKind argument_kind(const Place& place) {
  const std::string& command = place.app->get_name();
  ValueKind kind = ValueKind::kNothing;
  if (takes_foreign_words(*place.app)) {
    kind = command == "exec" ? ValueKind::kContainer : ValueKind::kImage;
  } else {
    std::vector<const CLI::Option*> arguments;
    for (const CLI::Option* option :
         place.app->get_options([](const CLI::Option* o) { return o->get_positional(); })) {
      arguments.push_back(option);
    }
    if (arguments.empty()) return ValueKind::kNothing;
    // The last argument takes all the words that follow.
    const auto index = std::min(place.arguments, arguments.size() - 1);
    kind = kind_in(kArgumentValues, arguments[index]->get_name(true));
  }
  const bool live_only = std::ranges::find(kLiveOnly, command) != kLiveOnly.end();
  return kind == ValueKind::kContainer && live_only ? ValueKind::kLiveContainer : kind;
}

std::vector<Candidate> option_names(const CLI::App& app) {
  std::vector<Candidate> out;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      out.push_back({"--" + name, option->get_description()});
    }
  }
  return out;
}

std::vector<Candidate> command_names(const CLI::App& app) {
  std::vector<Candidate> out;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    out.push_back({command->get_name(), command->get_description()});
  }
  return out;
}

const Candidate kFiles{":files", ""};

std::vector<Candidate> signals() {
  constexpr int kFirstRealtime = 32;
  std::vector<Candidate> out;
  for (int signal = 1; signal < kFirstRealtime; ++signal) {
    if (const char* name = ::sigabbrev_np(signal)) out.push_back({name, ""});
  }
  return out;
}

std::vector<Candidate> values(ValueKind kind, const Lister& lister) {
  switch (kind) {
    case ValueKind::kNothing:
      return {};
    case ValueKind::kFile:
      return {kFiles};
    case ValueKind::kForm:
      return {{"table", ""}, {"wide", ""}, {"json", ""}, {"jsonl", ""}, {"yaml", ""}, {"name", ""}};
    case ValueKind::kSignal:
      return signals();
    case ValueKind::kNetworkMode: {
      auto out = lister(ValueKind::kNetwork);
      for (const char* mode : {"none", "host"}) {
        const auto same = [mode](const Candidate& c) { return c.text == mode; };
        if (std::ranges::none_of(out, same)) out.push_back({mode, ""});
      }
      return out;
    }
    case ValueKind::kVolumeMount:
    case ValueKind::kCopyPath: {
      const bool copy = kind == ValueKind::kCopyPath;
      auto out = lister(copy ? ValueKind::kContainer : ValueKind::kVolume);
      for (Candidate& candidate : out) candidate.text += ':';
      out.push_back(kFiles);
      return out;
    }
    default:
      return lister(kind);
  }
}

}  // namespace

std::vector<Candidate> complete(const std::vector<std::string>& words, const Lister& lister) {
  Invocation invocation;
  CLI::App app("", "skerry");
  build_app(app, invocation);
  if (words.empty()) return {};
  const Place place = find_place(app, invocation, words);
  // Inside the container's command nobody knows but the container.
  if (place.foreign) return {};
  std::string begin = words.back();
  std::vector<Candidate> candidates;
  const auto equals = begin.find('=');
  if (place.option != nullptr) {
    candidates = values(kind_of(*place.option), lister);
  } else if (begin.starts_with("--") && equals != std::string::npos) {
    const CLI::Option* option = find_option(*place.app, begin);
    if (option == nullptr) return {};
    candidates = values(kind_of(*option), lister);
    for (Candidate& candidate : candidates) {
      if (candidate.text != kFiles.text) candidate.text.insert(0, begin.substr(0, equals + 1));
    }
  } else if (begin.starts_with('-')) {
    candidates = option_names(*place.app);
  } else if (candidates = command_names(*place.app); candidates.empty()) {
    candidates = values(argument_kind(place), lister);
  }
  std::erase_if(candidates, [&begin](const Candidate& candidate) {
    return candidate.text != kFiles.text && !candidate.text.starts_with(begin);
  });
  return candidates;
}

}  // namespace skerry::cli
