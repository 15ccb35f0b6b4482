#!/bin/sh
# Cargo calls this with rustc and its arguments. What plans a query is not what carries it out: compiled without
# LLVM's passes it takes a third of the time. Level 0 would do as well for that, but at 0 and 1 rustc exports each
# instance of a generic, and the rustc of every cell reads the list of them; at level 2 it does not. Without the
# passes the link between a crate's own units (thin local LTO) must be off: it takes away what the others need.
rustc=$1
shift
case " $* " in
*" --crate-name polars_expr "* | *" --crate-name polars_lazy "* | \
*" --crate-name polars_mem_engine "* | *" --crate-name polars_plan "*)
    exec ${PILLARS_OUTER_WRAPPER:+"$PILLARS_OUTER_WRAPPER"} "$rustc" "$@" -C lto=off -C no-prepopulate-passes
    ;;
esac
exec ${PILLARS_OUTER_WRAPPER:+"$PILLARS_OUTER_WRAPPER"} "$rustc" "$@"
