#include "cli/render/sentence.h"

#include <cstring>
#include <string_view>

#include <fmt/format.h>

#include "cli/render/human.h"
#include "cli/render/json.h"

namespace skerry::cli {
namespace {

std::string named(std::string_view kind,
                  const std::string& name,
                  const std::string& id,
                  const std::string& uid) {
  return fmt::format("{} {} ({})", kind, name.empty() ? id : name, short_uid(uid, false));
}

std::string container(const v1::Event& event) {
  return named("container", event.name(), event.id(), event.uid());
}

std::string pod(const v1::Event& event) {
  return named("pod", event.pod_name(), event.pod_id(), event.pod_uid());
}

std::string signal_name(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return name == nullptr ? fmt::format("signal {}", signal) : fmt::format("SIG{}", name);
}

/// " with code 7", " by SIGKILL", or nothing.
std::string how(const v1::ExitInfo& exit) {
  if (exit.has_signal()) return " by " + signal_name(exit.signal());
  if (exit.has_code()) return fmt::format(" with code {}", exit.code());
  return "";
}

std::string exit_words(const v1::ExitInfo& exit) {
  switch (exit.cause()) {
    case v1::EXIT_CAUSE_EXITED:
      return "exited" + how(exit);
    case v1::EXIT_CAUSE_SIGNALED:
      return "was killed" + how(exit);
    case v1::EXIT_CAUSE_OOM:
      return "was killed at its memory limit";
    case v1::EXIT_CAUSE_LAUNCH_FAILED:
      return "could not be launched";
    case v1::EXIT_CAUSE_STOPPED:
      return "was stopped, ended" + how(exit);
    case v1::EXIT_CAUSE_SHIM_LOST:
      return "was lost with its supervisor";
    case v1::EXIT_CAUSE_HOST_REBOOT:
      return "went down with the host";
    case v1::EXIT_CAUSE_HOST_SHUTDOWN:
      return "was ended by the shutdown of the host";
    default:
      return "is gone, nobody knows how";
  }
}

std::string state_words(const v1::Event& event) {
  switch (event.state()) {
    case v1::CONTAINER_STATE_ACCEPTED:
      return event.attempt() > 1 ? fmt::format("begins attempt {}", event.attempt())
                                 : "was accepted";
    case v1::CONTAINER_STATE_PREPARING:
      return "is being prepared";
    case v1::CONTAINER_STATE_CREATED:
      return "is created and waits for its start";
    case v1::CONTAINER_STATE_STARTING:
      return "is starting";
    case v1::CONTAINER_STATE_RUNNING:
      return event.old_state() == v1::CONTAINER_STATE_PAUSED ? "goes on after its pause" : "runs";
    case v1::CONTAINER_STATE_PAUSED:
      return "is paused";
    case v1::CONTAINER_STATE_STOPPING:
      return "is being stopped";
    case v1::CONTAINER_STATE_EXITED:
      return exit_words(event.exit());
    default:
      return "is in a state this skerry does not know";
  }
}

std::string pod_state_words(const v1::Event& event) {
  switch (event.pod_state()) {
    case v1::POD_STATE_ACCEPTED:
      return "was accepted";
    case v1::POD_STATE_PREPARING:
      return "is being prepared";
    case v1::POD_STATE_READY:
      return "is ready for containers";
    case v1::POD_STATE_STOPPING:
      return event.pod_stop_cause() == v1::POD_STOP_CAUSE_CONTAINER_FAILED
                 ? "is being stopped because a container of it failed"
                 : "is being stopped";
    case v1::POD_STATE_STOPPED:
      return event.pod_stop_cause() == v1::POD_STOP_CAUSE_CREATE_FAILED ? "could not be created"
                                                                        : "has stopped";
    default:
      return "is in a state this skerry does not know";
  }
}

std::string exec(const v1::Event& event) {
  return fmt::format("exec \"{}\" in {}", event.command_line(), container(event));
}

std::string volume(const v1::Event& event) {
  return fmt::format("volume {} ({})", event.volume(), event.volume_driver());
}

std::string member(const v1::Event& event) {
  return event.uid().empty() ? pod(event) : container(event);
}

std::string addresses(const v1::Event& event) {
  std::string text;
  for (const std::string& address : event.addresses()) text += (text.empty() ? "" : ", ") + address;
  return text;
}

std::string words(const v1::Event& event) {
  switch (event.type()) {
    case v1::EVENT_TYPE_CONTAINER_STATE:
      return container(event) + " " + state_words(event);
    case v1::EVENT_TYPE_CONTAINER_RELEASED:
      return container(event) + " has given its resources back";
    case v1::EVENT_TYPE_CONTAINER_REMOVED:
      return container(event) + " was removed";
    case v1::EVENT_TYPE_CONTAINER_UPDATED:
      return container(event) + " was updated";
    case v1::EVENT_TYPE_CONTAINER_OOM:
      return container(event) + " lost a process at its memory limit";
    case v1::EVENT_TYPE_IMAGE_ADDED:
      return fmt::format("image {} was added", event.image());
    case v1::EVENT_TYPE_IMAGE_REMOVED:
      return fmt::format("image {} was removed", event.image());
    case v1::EVENT_TYPE_POD_STATE:
      return pod(event) + " " + pod_state_words(event);
    case v1::EVENT_TYPE_POD_RELEASED:
      return pod(event) + " has given its resources back";
    case v1::EVENT_TYPE_POD_REMOVED:
      return pod(event) + " was removed";
    case v1::EVENT_TYPE_POD_UPDATED:
      return pod(event) + " was updated";
    case v1::EVENT_TYPE_EXEC_STARTED:
      return exec(event) + " runs";
    case v1::EVENT_TYPE_EXEC_EXITED:
      return exec(event) + " " + exit_words(event.exit());
    case v1::EVENT_TYPE_VOLUME_CREATED:
      return volume(event) + " was created";
    case v1::EVENT_TYPE_VOLUME_MOUNTED:
      return volume(event) + " was mounted";
    case v1::EVENT_TYPE_VOLUME_UNMOUNTED:
      return volume(event) + " was unmounted";
    case v1::EVENT_TYPE_VOLUME_REMOVED:
      return volume(event) + " was removed";
    case v1::EVENT_TYPE_NETWORK_ATTACHED:
      return fmt::format(
          "{} is on network {} as {}", member(event), event.network(), addresses(event));
    case v1::EVENT_TYPE_NETWORK_DETACHED:
      return fmt::format("{} has left network {}", member(event), event.network());
    default:
      return fmt::format("event {} that this skerry does not know", int{event.type()});
  }
}

}  // namespace

std::string sentence(const v1::Event& event) {
  std::string text = words(event);
  if (!event.exit().message().empty()) {
    text += ": " + event.exit().message();
  } else if (!event.message().empty()) {
    text += ": " + event.message();
  }
  return printable(text);
}

std::string subject(const v1::Event& event) {
  for (const std::string* name : {&event.name(),
                                  &event.id(),
                                  &event.pod_name(),
                                  &event.pod_id(),
                                  &event.image(),
                                  &event.volume(),
                                  &event.network()}) {
    if (!name->empty()) return *name;
  }
  return "";
}

}  // namespace skerry::cli
