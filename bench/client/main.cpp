// What the benchmark asks of the daemon, as a scheduler would: over gRPC. Prints JSON for
// bench/run.py.

#include <cstdio>

#include <fmt/format.h>

#include "launches.h"
#include "options.h"
#include "reads.h"
#include "sleepers.h"

namespace skerry::bench {
namespace {

Result<nlohmann::json> run(const Options& options) {
  if (options.command == "launch") return launch_in_rounds(options);
  if (options.command == "start") return start_sleepers(options);
  if (options.command == "remove") return remove_labelled(options);
  if (options.command == "list") return time_list(options);
  if (options.command == "stats") return time_stats(options);
  return await_running(options);
}

}  // namespace
}  // namespace skerry::bench

int main(int argc, char** argv) {
  const auto options = skerry::bench::parse(argc, argv);
  const auto document = skerry::bench::run(options);
  if (!document) {
    fmt::print(stderr, "client: {}\n", document.error().message());
    return 1;
  }
  fmt::print("{}\n", document->dump());
  return 0;
}
