#include "options.h"

#include <getopt.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

namespace skerry::bench {
namespace {

constexpr const char* kUsage =
    "usage: client launch --host URL --image NAME [--rounds N] [--warmup N] [--gap-ms G]\n"
    "                     [--workers W] [--network NAME] [--keep] [--label L]\n"
    "       client start  --host URL --image NAME --running N [--workers W] [--network NAME]\n"
    "                     [--label L]\n"
    "       client remove --host URL [--workers W] [--label L]\n"
    "       client list   --host URL [--rounds N]\n"
    "       client stats  --host URL [--rounds N]\n"
    "       client await  --host URL --running N\n";

[[noreturn]] void refuse_usage() {
  fmt::print(stderr, "{}", kUsage);
  std::exit(2);  // NOLINT(concurrency-mt-unsafe): before any thread
}

void take_number(int& number, std::string_view text, int least) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < least) refuse_usage();
}

void take_option(Options& options, int which, const char* value) {
  switch (which) {
    case 'h':
      options.host = value;
      break;
    case 'i':
      options.image = value;
      break;
    case 'n':
      options.network = value;
      break;
    case 'l':
      options.label = value;
      break;
    case 'r':
      take_number(options.rounds, value, 1);
      break;
    case 'u':
      take_number(options.warmup, value, 0);
      break;
    case 'g':
      take_number(options.gap_ms, value, 0);
      break;
    case 'w':
      take_number(options.workers, value, 1);
      break;
    case 'k':
      take_number(options.running, value, 0);
      break;
    case 'K':
      options.keep = true;
      break;
    default:
      refuse_usage();
  }
}

void check(const Options& options) {
  constexpr std::array<std::string_view, 6> kCommands = {
      "launch", "start", "remove", "list", "stats", "await"};
  if (std::ranges::find(kCommands, options.command) == kCommands.end()) refuse_usage();
  const bool makes = options.command == "launch" || options.command == "start";
  if (options.host.empty() || (makes && options.image.empty())) refuse_usage();
}

}  // namespace

Options parse(int argc, char** argv) {
  constexpr option kNames[] = {{"host", required_argument, nullptr, 'h'},
                               {"image", required_argument, nullptr, 'i'},
                               {"network", required_argument, nullptr, 'n'},
                               {"label", required_argument, nullptr, 'l'},
                               {"rounds", required_argument, nullptr, 'r'},
                               {"warmup", required_argument, nullptr, 'u'},
                               {"gap-ms", required_argument, nullptr, 'g'},
                               {"workers", required_argument, nullptr, 'w'},
                               {"running", required_argument, nullptr, 'k'},
                               {"keep", no_argument, nullptr, 'K'},
                               {nullptr, 0, nullptr, 0}};
  Options options;
  int which = 0;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): before any thread
  while ((which = ::getopt_long(argc, argv, "", kNames, nullptr)) != -1) {
    take_option(options, which, optarg);
  }
  if (optind + 1 != argc) refuse_usage();
  options.command = argv[optind];
  check(options);
  return options;
}

}  // namespace skerry::bench
