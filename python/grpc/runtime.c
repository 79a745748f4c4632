// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0

// Gives the server of Ray Client what the runtime offers, so that it answers without the interpreter.

#include "grpc.h"
#include "ray_python.h"

#include <stdlib.h>

#define ARGUMENTS_ON_STACK 16

static struct ray_python_argument argument_of(const struct ray_grpc_value *value) {
    return (struct ray_python_argument){
        .data = {value->data.data, value->data.count},
        .metadata = {value->metadata.data, value->metadata.count},
    };
}

static long submit(
    void *call_template, const void *actor, const struct ray_grpc_value *arguments, size_t count, void *results,
    size_t results_max) {
    struct ray_python_argument on_stack[ARGUMENTS_ON_STACK], *list = on_stack;
    if (count > ARGUMENTS_ON_STACK) list = calloc(count, sizeof *list);
    if (list == NULL) return -1;
    for (size_t index = 0; index < count; index++) list[index] = argument_of(&arguments[index]);
    long made = ray_python_submit(call_template, actor, NULL, list, count, results, results_max);
    if (list != on_stack) free(list);
    return made;
}

static int put(const struct ray_grpc_value *value, void *object) {
    struct ray_python_argument argument = argument_of(value);
    return ray_python_put(NULL, &argument, object);
}

static int create(size_t byte_count, struct ray_grpc_bytes metadata, void **room) {
    struct ray_python_argument argument = {
        .data = {NULL, byte_count},
        .metadata = {metadata.data, metadata.count},
    };
    return ray_python_create(NULL, &argument, room);
}

static int get(
    const void *objects, size_t count, int64_t milliseconds, void (*done)(void *), void *context, void **request) {
    return ray_python_get_then(objects, count, milliseconds, done, context, request);
}

static int take(void *request, struct ray_grpc_value *values, void **owners, size_t count) {
    struct ray_python_object *objects = calloc(count, sizeof *objects);
    if (objects == NULL) return -1;
    ray_python_take_objects(request, objects, count);
    int errors = 0;
    for (size_t index = 0; index < count; index++) {
        const struct ray_python_object *object = &objects[index];
        errors += object->is_error || object->owner == NULL;
        owners[index] = object->owner;
        values[index].data = (struct ray_grpc_bytes){object->data.data, object->data.count};
        values[index].metadata = (struct ray_grpc_bytes){object->metadata.data, object->metadata.count};
    }
    free(objects);
    return errors;
}

static int add_reference(const void *object) { return ray_python_add_reference(object, NULL, 0); }

static void remove_reference(const void *object) { ray_python_remove_reference(object); }

static const struct ray_grpc_runtime runtime = {
    .submit = submit,
    .put = put,
    .create = create,
    .await_room = ray_python_await_room,
    .seal = ray_python_seal,
    .abort = ray_python_abort,
    .get = get,
    .take = take,
    .drop = ray_python_drop,
    .retain = ray_python_retain,
    .release = ray_python_release,
    .add_reference = add_reference,
    .remove_reference = remove_reference,
};

int connect_runtime(void) {
    if (ray_python_interface() != RAY_PYTHON_INTERFACE) {
        PyErr_Format(
            PyExc_ImportError, "libRayPython.so has interface %d and this extension %d: install one release of both",
            ray_python_interface(), RAY_PYTHON_INTERFACE);
        return -1;
    }
    ray_grpc_set_runtime(&runtime);
    return 0;
}
