// Every command, by the file that has it.
#pragma once

#include <CLI/App.hpp>

#include "cli/command.h"

namespace skerry::cli {

// create_run.cpp
void configure_run(CLI::App& app, Invocation& invocation);
void configure_create(CLI::App& app, Invocation& invocation);

// lifecycle.cpp
void configure_start(CLI::App& app, Invocation& invocation);
void configure_stop(CLI::App& app, Invocation& invocation);
void configure_kill(CLI::App& app, Invocation& invocation);
void configure_remove(CLI::App& app, Invocation& invocation);
void configure_wait(CLI::App& app, Invocation& invocation);
void configure_pause(CLI::App& app, Invocation& invocation);
void configure_unpause(CLI::App& app, Invocation& invocation);

// list.cpp
void configure_ps(CLI::App& app, Invocation& invocation);
void configure_inspect(CLI::App& app, Invocation& invocation);

// logs.cpp, stats.cpp, events.cpp, update.cpp
void configure_logs(CLI::App& app, Invocation& invocation);
void configure_stats(CLI::App& app, Invocation& invocation);
void configure_events(CLI::App& app, Invocation& invocation);
void configure_update(CLI::App& app, Invocation& invocation);

// image.cpp
void configure_image(CLI::App& app, Invocation& invocation);

// daemon.cpp
void configure_version(CLI::App& app, Invocation& invocation);
void configure_info(CLI::App& app, Invocation& invocation);

// debug.cpp
void configure_debug(CLI::App& app, Invocation& invocation);

}  // namespace skerry::cli
