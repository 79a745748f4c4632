// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0

// Calls of functions and of actors' methods.

#include "core.h"

#include <stdlib.h>
#include <string.h>

#define OBJECT_ID_SIZE 28
#define RESULTS_ON_STACK 8
#define ARGUMENTS_ON_STACK 4

static const char TEMPLATE[] = "swift_ray._core.template";

static void template_dealloc(PyObject *capsule) { release_owner(PyCapsule_GetPointer(capsule, TEMPLATE)); }

static PyObject *new_template(PyObject *module, PyObject *description) {
    char *bytes;
    Py_ssize_t count;
    if (PyBytes_AsStringAndSize(description, &bytes, &count) < 0) return NULL;
    void *call_template = ray_python_template((struct ray_python_bytes){bytes, (size_t)count});
    if (call_template == NULL) return raise_failure();
    PyObject *capsule = PyCapsule_New(call_template, TEMPLATE, template_dealloc);
    if (capsule == NULL) ray_python_release(call_template);
    return capsule;
}

// Fills in one argument: an ObjectRef goes by reference, a SerializedObject by value.
static int fill(struct outgoing *value, PyObject *argument) {
    const unsigned char *id = native->id_bytes(argument, SWIFT_RAY_OBJECT_REF);
    if (id == NULL) {
        PyErr_Clear();
        return outgoing_fill(value, argument);
    }
    value->argument.reference = id;
    return 0;
}

static PyObject *references(const unsigned char *ids, long count, const char *owner, Py_ssize_t owner_size) {
    PyObject *list = PyList_New(count);
    for (long index = 0; list != NULL && index < count; index++) {
        PyObject *reference = native->object_ref_new(ids + index * OBJECT_ID_SIZE, owner, owner_size, 1);
        if (reference == NULL || PyList_SetItem(list, index, reference) < 0) Py_CLEAR(list);
    }
    return list;
}

// The arguments of a call on their way to Swift; few lie where this does.
struct call_arguments {
    Py_ssize_t count;
    size_t size;
    struct outgoing *outgoing;
    struct ray_python_argument *plain;
    struct outgoing outgoing_on_stack[ARGUMENTS_ON_STACK];
    struct ray_python_argument plain_on_stack[ARGUMENTS_ON_STACK];
};

static void call_arguments_clear(struct call_arguments *call) {
    for (Py_ssize_t index = 0; index < call->count; index++) outgoing_clear(&call->outgoing[index]);
    if (call->outgoing != call->outgoing_on_stack) free(call->outgoing);
    if (call->plain != call->plain_on_stack) free(call->plain);
}

// -1 with an exception; to be cleared in any case.
static int call_arguments_fill(struct call_arguments *call, PyObject *values) {
    Py_ssize_t count = PyList_Size(values);
    int is_small = count <= ARGUMENTS_ON_STACK;
    call->count = 0;
    call->size = 0;
    call->outgoing = is_small ? call->outgoing_on_stack : malloc((size_t)count * sizeof *call->outgoing);
    call->plain = is_small ? call->plain_on_stack : malloc((size_t)count * sizeof *call->plain);
    if (call->outgoing == NULL || call->plain == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    while (call->count < count) {
        struct outgoing *value = &call->outgoing[call->count];
        memset(value, 0, sizeof *value);
        call->count += 1;
        if (fill(value, PyList_GetItem(values, call->count - 1)) < 0) return -1;
        call->plain[call->count - 1] = value->argument;
        call->size += value->argument.data.count;
    }
    return 0;
}

static long submit_to(
    void *call_template, const void *actor, const void *task, const struct call_arguments *call, unsigned char *ids,
    Py_ssize_t results_max) {
    long made;
    if (call->size < SMALL_VALUES_SIZE && call->count <= SMALL_VALUES_COUNT) {
        return ray_python_submit(
            call_template, actor, task, call->plain, (size_t)call->count, ids, (size_t)results_max);
    }
    Py_BEGIN_ALLOW_THREADS
    made = ray_python_submit(call_template, actor, task, call->plain, (size_t)call->count, ids, (size_t)results_max);
    Py_END_ALLOW_THREADS
    return made;
}

static PyObject *submit(PyObject *module, PyObject *const *arguments, Py_ssize_t argument_count) {
    if (argument_count != 6 || !PyList_Check(arguments[3])) {
        PyErr_SetString(PyExc_TypeError, "submit wants a template, an actor, a task, a list, an address and a number");
        return NULL;
    }
    void *call_template = PyCapsule_GetPointer(arguments[0], TEMPLATE);
    if (call_template == NULL) return NULL;
    const void *actor, *task;
    char *owner;
    Py_ssize_t owner_size, results_max = PyLong_AsSsize_t(arguments[5]);
    if (results_max == -1 && PyErr_Occurred()) return NULL;
    if (id_argument(arguments[1], 16, &actor) < 0 || id_argument(arguments[2], 24, &task) < 0 ||
        PyBytes_AsStringAndSize(arguments[4], &owner, &owner_size) < 0) {
        return NULL;
    }
    unsigned char on_stack[RESULTS_ON_STACK * OBJECT_ID_SIZE], *ids = on_stack;
    if (results_max > RESULTS_ON_STACK) ids = malloc((size_t)results_max * OBJECT_ID_SIZE);
    if (ids == NULL) return PyErr_NoMemory();
    struct call_arguments call;
    PyObject *result = NULL;
    if (call_arguments_fill(&call, arguments[3]) == 0) {
        long made = submit_to(call_template, actor, task, &call, ids, results_max);
        result = made < 0 ? raise_failure() : references(ids, made, owner, owner_size);
    }
    call_arguments_clear(&call);
    if (ids != on_stack) free(ids);
    return result;
}

PyMethodDef call_methods[] = {
    {"template", new_template, METH_O, "A call without its arguments, described in MessagePack."},
    {"submit", (PyCFunction)(void (*)(void))submit, METH_FASTCALL,
     "submit(template, actor, task, arguments, owner_address, results_max): the ObjectRefs of the results."},
    {NULL, NULL, 0, NULL},
};
