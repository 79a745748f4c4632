// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0

// The command line that others see lies in the memory that the kernel filled at the start: arguments, then environment.
// A title is written over both, once the environment has been copied elsewhere.

#include "native.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>

extern char **environ;

static char *area;
static size_t area_size;

// Fields 48 to 51 of /proc/self/stat: where arguments and environment begin and end.
static bool find_area(char **start, char **end) {
    char line[1024];
    FILE *file = fopen("/proc/self/stat", "r");
    size_t size = file == NULL ? 0 : fread(line, 1, sizeof line - 1, file);
    if (file != NULL) {
        fclose(file);
    }
    line[size] = 0;
    char *next = strrchr(line, ')'); // the name before it may contain anything
    unsigned long fields[52] = {0};
    int field = 2;
    while (next != NULL && (next = strchr(next, ' ')) != NULL && ++field < 52) {
        next += 1;
        fields[field] = strtoul(next, NULL, 10);
    }
    *start = (char *)fields[48];
    *end = (char *)(fields[51] > fields[49] ? fields[51] : fields[49]);
    return *start != NULL && *end > *start;
}

// Moves those strings of the environment that lie in the area; they stay where they go until the process ends.
static bool move_environment(const char *start, const char *end) {
    for (char **entry = environ; entry != NULL && *entry != NULL; entry++) {
        if (*entry >= start && *entry < end) {
            char *copy = strdup(*entry);
            if (copy == NULL) {
                return false;
            }
            *entry = copy;
        }
    }
    return true;
}

// write_process_title(title): nothing happens where the area is not found.
PyObject *write_process_title(PyObject *module, PyObject *title) {
    Py_ssize_t size;
    const char *text = PyUnicode_AsUTF8AndSize(title, &size);
    if (text == NULL) {
        return NULL;
    }
    char *start, *end;
    if (area == NULL && find_area(&start, &end) && move_environment(start, end)) {
        area = start;
        area_size = (size_t)(end - start);
    }
    if (area != NULL) {
        size_t length = (size_t)size < area_size ? (size_t)size : area_size - 1;
        memcpy(area, text, length);
        memset(area + length, 0, area_size - length);
    }
    char name[16] = {0};
    memcpy(name, text, (size_t)size < sizeof name - 1 ? (size_t)size : sizeof name - 1);
    prctl(PR_SET_NAME, name);
    Py_RETURN_NONE;
}
