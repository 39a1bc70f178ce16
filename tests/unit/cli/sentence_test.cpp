#include "cli/render/sentence.h"

#include <gtest/gtest.h>

namespace skerry::cli {
namespace {

v1::Event event_of(v1::EventType type) {
  v1::Event event;
  event.set_type(type);
  event.set_name("web");
  event.set_id("web-1");
  event.set_uid("3f2a91c07d55aaaaaaaaaaaaaaaaaaaa");
  return event;
}

std::string ended(v1::ExitCause cause, int code, int signal) {
  auto event = event_of(v1::EVENT_TYPE_CONTAINER_STATE);
  event.set_state(v1::CONTAINER_STATE_EXITED);
  event.mutable_exit()->set_cause(cause);
  if (code >= 0) event.mutable_exit()->set_code(code);
  if (signal > 0) event.mutable_exit()->set_signal(signal);
  return sentence(event);
}

TEST(Sentence, TellsHowAContainerEnded) {
  EXPECT_EQ(ended(v1::EXIT_CAUSE_EXITED, 7, 0), "container web (3f2a91c07d55) exited with code 7");
  EXPECT_EQ(ended(v1::EXIT_CAUSE_SIGNALED, -1, 9),
            "container web (3f2a91c07d55) was killed by SIGKILL");
  EXPECT_EQ(ended(v1::EXIT_CAUSE_OOM, -1, 9),
            "container web (3f2a91c07d55) was killed at its memory limit");
  EXPECT_EQ(ended(v1::EXIT_CAUSE_STOPPED, 0, 0),
            "container web (3f2a91c07d55) was stopped, ended with code 0");
}

TEST(Sentence, TellsPausesFromStarts) {
  auto event = event_of(v1::EVENT_TYPE_CONTAINER_STATE);
  event.set_state(v1::CONTAINER_STATE_RUNNING);
  EXPECT_EQ(sentence(event), "container web (3f2a91c07d55) runs");
  event.set_old_state(v1::CONTAINER_STATE_PAUSED);
  EXPECT_EQ(sentence(event), "container web (3f2a91c07d55) goes on after its pause");
}

TEST(Sentence, AddsWhatTheDaemonSays) {
  auto event = event_of(v1::EVENT_TYPE_CONTAINER_OOM);
  event.set_message("sh\033 (12)");
  EXPECT_EQ(sentence(event),
            "container web (3f2a91c07d55) lost a process at its memory limit: sh? (12)");
}

TEST(Sentence, TellsOfPodsExecsVolumesAndNetworks) {
  v1::Event pod;
  pod.set_type(v1::EVENT_TYPE_POD_STATE);
  pod.set_pod_name("shop");
  pod.set_pod_uid("aaaabbbbccccdddd");
  pod.set_pod_state(v1::POD_STATE_READY);
  EXPECT_EQ(sentence(pod), "pod shop (aaaabbbbcccc) is ready for containers");
  auto exec = event_of(v1::EVENT_TYPE_EXEC_STARTED);
  exec.set_command_line("ls -l");
  EXPECT_EQ(sentence(exec), "exec \"ls -l\" in container web (3f2a91c07d55) runs");
  v1::Event volume;
  volume.set_type(v1::EVENT_TYPE_VOLUME_MOUNTED);
  volume.set_volume("data");
  volume.set_volume_driver("rclone");
  EXPECT_EQ(sentence(volume), "volume data (rclone) was mounted");
  auto network = event_of(v1::EVENT_TYPE_NETWORK_ATTACHED);
  network.set_network("skerry");
  network.add_addresses("10.88.0.7/20");
  EXPECT_EQ(sentence(network), "container web (3f2a91c07d55) is on network skerry as 10.88.0.7/20");
}

TEST(Sentence, KnowsEveryTypeThereIs) {
  const auto* types = v1::EventType_descriptor();
  for (int i = 1; i < types->value_count(); ++i) {
    auto event = event_of(static_cast<v1::EventType>(types->value(i)->number()));
    event.set_state(v1::CONTAINER_STATE_RUNNING);
    event.set_pod_state(v1::POD_STATE_READY);
    EXPECT_EQ(sentence(event).find("does not know"), std::string::npos) << types->value(i)->name();
  }
}

}  // namespace
}  // namespace skerry::cli
