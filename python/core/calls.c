// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0

// Calls of functions and of actors' methods.

#include "core.h"

#include <stdlib.h>

#define OBJECT_ID_SIZE 28
#define RESULTS_ON_STACK 8

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

static PyObject *submit(PyObject *module, PyObject *arguments) {
    PyObject *capsule, *actor_object, *task_object, *values;
    const char *owner;
    Py_ssize_t owner_size, results_max;
    if (!PyArg_ParseTuple(
            arguments, "OOOO!y#n:submit", &capsule, &actor_object, &task_object, &PyList_Type, &values, &owner,
            &owner_size, &results_max)) {
        return NULL;
    }
    void *call_template = PyCapsule_GetPointer(capsule, TEMPLATE);
    if (call_template == NULL) return NULL;
    const void *actor, *task;
    if (id_argument(actor_object, 16, &actor) < 0 || id_argument(task_object, 24, &task) < 0) return NULL;
    Py_ssize_t count = PyList_Size(values);
    struct outgoing *outgoing = calloc(count == 0 ? 1 : (size_t)count, sizeof *outgoing);
    struct ray_python_argument *plain = calloc(count == 0 ? 1 : (size_t)count, sizeof *plain);
    unsigned char on_stack[RESULTS_ON_STACK * OBJECT_ID_SIZE], *ids = on_stack;
    if (results_max > RESULTS_ON_STACK) ids = malloc((size_t)results_max * OBJECT_ID_SIZE);
    PyObject *result = NULL;
    int is_good = outgoing != NULL && plain != NULL && ids != NULL;
    size_t size = 0;
    if (!is_good) PyErr_NoMemory();
    for (Py_ssize_t index = 0; is_good && index < count; index++) {
        is_good = fill(&outgoing[index], PyList_GetItem(values, index)) == 0;
        if (!is_good) break;
        plain[index] = outgoing[index].argument;
        size += plain[index].data.count;
    }
    if (is_good) {
        long made;
        if (size < SMALL_VALUES_SIZE && count <= SMALL_VALUES_COUNT) {
            made = ray_python_submit(call_template, actor, task, plain, (size_t)count, ids, (size_t)results_max);
        } else {
            Py_BEGIN_ALLOW_THREADS
            made = ray_python_submit(call_template, actor, task, plain, (size_t)count, ids, (size_t)results_max);
            Py_END_ALLOW_THREADS
        }
        result = made < 0 ? raise_failure() : references(ids, made, owner, owner_size);
    }
    for (Py_ssize_t index = 0; outgoing != NULL && index < count; index++) outgoing_clear(&outgoing[index]);
    if (ids != on_stack) free(ids);
    free(plain);
    free(outgoing);
    return result;
}

PyMethodDef call_methods[] = {
    {"template", new_template, METH_O, "A call without its arguments, described in MessagePack."},
    {"submit", submit, METH_VARARGS,
     "submit(template, actor, task, arguments, owner_address, results_max): the ObjectRefs of the results."},
    {NULL, NULL, 0, NULL},
};
