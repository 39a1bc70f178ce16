// What the command line asks the benchmark's client for.
#pragma once

#include <string>

namespace skerry::bench {

struct Options {
  std::string command;
  std::string host;
  std::string image;
  std::string network;  ///< empty: none
  /// Of the containers that `start` makes and `remove` takes away.
  std::string label = "sleepers";
  int rounds = 100;
  int warmup = 3;
  int gap_ms = 0;
  int workers = 1;
  int running = 0;    ///< `start`: how many; `await`: how many have to run
  bool keep = false;  ///< `launch`: exited containers stay
};

/// Ends the program with 2 when they do not make sense. Thread: before there are others.
Options parse(int argc, char** argv);

}  // namespace skerry::bench
