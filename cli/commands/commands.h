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

// attach.cpp, copy.cpp, exec.cpp, top.cpp
void configure_attach(CLI::App& app, Invocation& invocation);
void configure_copy(CLI::App& app, Invocation& invocation);
void configure_exec(CLI::App& app, Invocation& invocation);
void configure_execs(CLI::App& app, Invocation& invocation);
void configure_top(CLI::App& app, Invocation& invocation);

// pod.cpp, pod_create.cpp, pod_stats.cpp
void configure_pod(CLI::App& app, Invocation& invocation);
void configure_pod_create(CLI::App& app, Invocation& invocation);
void configure_pod_stats(CLI::App& app, Invocation& invocation);

// network.cpp, volume.cpp
void configure_network(CLI::App& app, Invocation& invocation);
void configure_volume(CLI::App& app, Invocation& invocation);

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

// completion.cpp
void configure_completion(CLI::App& app, Invocation& invocation);

}  // namespace skerry::cli
