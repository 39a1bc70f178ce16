// open_by_handle_at(2): a file by its number, whatever directory one may see ("shocker").
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "attack.h"

struct handle {
  unsigned bytes;
  int type;
  unsigned char value[128];
};

// PATH: prints type and bytes.
int attack_name_handle(int count, char** words) {
  if (count != 1) return 2;
  struct handle handle = {.bytes = sizeof handle.value};
  int mount = 0;
  if (syscall(SYS_name_to_handle_at, AT_FDCWD, words[0], &handle, &mount, 0) != 0) {
    printf("%s\n", strerrorname_np(errno));
    return 1;
  }
  printf("%d ", handle.type);
  for (unsigned i = 0; i < handle.bytes; ++i) printf("%02x", handle.value[i]);
  printf("\n");
  return 0;
}

// MOUNT TYPE BYTES: anything on the file system names the mount. Prints what the file holds.
int attack_open_handle(int count, char** words) {
  if (count != 3) return 2;
  struct handle handle = {.type = atoi(words[1])};
  for (const char* c = words[2]; c[0] != '\0' && c[1] != '\0'; c += 2) {
    const char pair[3] = {c[0], c[1], '\0'};
    handle.value[handle.bytes++] = (unsigned char)strtoul(pair, NULL, 16);
    if (handle.bytes == sizeof handle.value) return 2;
  }
  const int mount = open(words[0], O_RDONLY | O_CLOEXEC);
  if (mount < 0) {
    printf("mount %s\n", strerrorname_np(errno));
    return 1;
  }
  const long fd = syscall(SYS_open_by_handle_at, mount, &handle, O_RDONLY | O_CLOEXEC);
  printf("open %s\n", fd < 0 ? strerrorname_np(errno) : "ok");
  char text[4096];
  const ssize_t length = fd < 0 ? 0 : read((int)fd, text, sizeof text);
  if (length > 0) fwrite(text, 1, (size_t)length, stdout);
  return 0;
}
