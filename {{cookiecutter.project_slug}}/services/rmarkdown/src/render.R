# Renders the report in the variable REPORT with the parameters in PARAMS, into the HTML file in OUTPUT.

fail <- function(...) {
  words <- trimws(gsub("[[:space:]]+", " ", paste0(...)))
  cat("error: ", sub("[.]?$", ".", words), "\n", sep = "", file = stderr())
  quit(status = 1)
}

# "column=mean area; bins=20" as a named vector. A semicolon separates only where a name and = follow.
split_parameters <- function(text) {
  pieces <- strsplit(trimws(text), ";[[:space:]]*(?=[A-Za-z][A-Za-z0-9_.]*=)", perl = TRUE)[[1]]
  pieces <- sub(";$", "", trimws(pieces))
  if (any(bad <- !grepl("^[A-Za-z][A-Za-z0-9_.]*=", pieces))) {
    fail("PARAMS has '", pieces[bad][1], "'. Write name=value, and ; between two of them.")
  }
  setNames(sub("^[^=]*=", "", pieces), sub("=.*", "", pieces))
}

parameters <- function(report) {
  lapply(knitr::knit_params(readLines(report, warn = FALSE)), function(each) each$value)
}

# The values as what the report has for them: numbers where it has numbers. A value is text and never run.
typed <- function(given, known) {
  unknown <- setdiff(names(given), names(known))
  if (length(unknown)) {
    has <- if (length(known)) paste0("Use ", paste(names(known), collapse = ", ")) else "It has none"
    fail("the report has no parameter '", unknown[1], "'. ", has)
  }
  values <- list()
  for (name in names(given)) {
    value <- given[[name]]
    default <- known[[name]]
    if (is.numeric(default)) {
      value <- suppressWarnings(as.numeric(value))
      if (is.na(value)) fail(name, "=", given[[name]], " is not a number. Its default is ", default)
    } else if (is.logical(default)) {
      value <- as.logical(toupper(value))
      if (is.na(value)) fail(name, "=", given[[name]], " is neither true nor false. Its default is ", default)
    }
    values[[name]] <- value
  }
  values
}

# The first format of the report that gives HTML, as one file that can be sent to somebody.
html_format <- function(report) {
  formats <- rmarkdown::all_output_formats(report)
  name <- c(grep("html", formats, value = TRUE), "html_document")[1]
  format <- rmarkdown::resolve_output_format(report, name, output_options = list(self_contained = TRUE))
  # Where pictures in its text are looked for.
  format$pandoc$args <- c(format$pandoc$args, "--resource-path", "beside:project")
  format
}

render <- function(report, html, given) {
  # A name that a shell could take for something else goes no further than here.
  scratch <- tempfile("render")
  dir.create(scratch)
  copied <- file.path(scratch, "report.Rmd")
  root <- getwd()
  file.copy(report, copied)
  file.symlink(c(root, normalizePath(dirname(report))), file.path(scratch, c("project", "beside")))
  at <- ""
  heard <- function(said) {
    # knitr says so where code fails: "Quitting from mine.Rmd:5-7 [name]".
    words <- gsub("[[:space:]]+", " ", conditionMessage(said))
    if (grepl("Quitting from", words)) at <<- sub(".*?([0-9]+-[0-9]+).*", ", lines \\1", words, perl = TRUE)
    invokeRestart("muffleMessage")
  }
  made <- tryCatch(
    withCallingHandlers(
      {
        # Now, not when it is used: by then the folder is another.
        values <- typed(given, parameters(copied))
        rmarkdown::render(
          copied,
          output_format = html_format(copied),
          # Paths in its code begin at the project's folder.
          knit_root_dir = root,
          params = values,
          envir = new.env(parent = globalenv()),
          quiet = TRUE
        )
      },
      message = heard,
      warning = function(warning) invokeRestart("muffleWarning")
    ),
    error = function(error) {
      words <- trimws(conditionMessage(error))
      if (!grepl("[.]$", words)) words <- paste0(words, ". Correct it; ", html, " was not written")
      fail(report, at, ": ", words)
    }
  )
  # In one step: whoever reads it sees the old report or the new one.
  dir.create(dirname(html), showWarnings = FALSE, recursive = TRUE)
  temporary <- tempfile(".report", tmpdir = dirname(html), fileext = ".html")
  on.exit(unlink(temporary))
  written <- suppressWarnings(file.copy(made, temporary) && file.rename(temporary, html))
  if (!written) fail(html, " cannot be written. Check that folder, and whose it is")
}

report <- Sys.getenv("REPORT")
html <- Sys.getenv("OUTPUT")
render(report, html, split_parameters(Sys.getenv("PARAMS")))
cat("wrote ", html, "\n", sep = "")
